"""The frames of suspended tasks, on real tasks."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from loopbench_probe.await_chains import suspended_frames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator


async def leaf() -> None:
    await asyncio.get_running_loop().create_future()


async def through_async_generator() -> None:
    async def items() -> AsyncIterator[int]:
        await leaf()
        yield 1

    async for _ in items():
        pass


async def through_context_manager() -> None:
    @contextlib.asynccontextmanager
    async def entered() -> AsyncIterator[None]:
        await leaf()
        yield

    async with entered():
        pass


async def through_an_await_method() -> None:
    class Query:
        def __await__(self) -> Generator[Any, Any, None]:
            return leaf().__await__()

    await Query()


async def through_a_task() -> None:
    await asyncio.create_task(leaf())


async def through_gather() -> None:
    await asyncio.gather(leaf(), leaf())


async def through_wait_for() -> None:
    await asyncio.wait_for(leaf(), 60)


@pytest.mark.parametrize(
    "outermost",
    [
        leaf,
        through_async_generator,
        through_context_manager,
        through_an_await_method,
        through_a_task,
        through_gather,
        through_wait_for,
    ],
)
def test_a_chain_reaches_from_the_task_to_what_it_waits_for(outermost: Callable[[], Awaitable[None]]) -> None:
    async def names() -> list[str]:
        task = asyncio.ensure_future(outermost())
        for _ in range(3):
            await asyncio.sleep(0)
        found = [frame.f_code.co_name for frame in suspended_frames(task)]
        task.cancel()
        return found

    found = asyncio.run(names())
    assert (found[0], found[-1]) == ("leaf", outermost.__name__)


def test_a_chain_goes_through_sqlalchemy_s_greenlets() -> None:
    concurrency = pytest.importorskip("sqlalchemy.util.concurrency")

    def inside() -> None:
        concurrency.await_(leaf())

    async def names() -> list[str]:
        task = asyncio.ensure_future(concurrency.greenlet_spawn(inside))
        await asyncio.sleep(0)
        found = [frame.f_code.co_name for frame in suspended_frames(task)]
        task.cancel()
        return found

    found = asyncio.run(names())
    assert (found[0], found[-1]) == ("leaf", "greenlet_spawn")
    assert "inside" in found
