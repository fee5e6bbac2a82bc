"""Where tasks are suspended and threads at work: groups, weights, pools and the pace of samples."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from loopbench_probe import waits
from loopbench_probe.places import Places
from loopbench_probe.waits import Budget, TaskWaits, ThreadWaits

if TYPE_CHECKING:
    from loopbench_probe.server import Server


@pytest.mark.parametrize(("cost_s", "pause_s"), [(0.0, 0.2), (0.0015, 0.5), (0.1, 1.0)])
def test_a_sample_that_took_long_delays_the_next(cost_s: float, pause_s: float) -> None:
    budget = Budget()
    budget.spend(10.0, cost_s)
    assert not budget.is_due(10.0 + pause_s - 0.01)
    assert budget.is_due(10.0 + pause_s + 0.01)


class Cycle:
    """A request of uvicorn."""

    def __init__(self, *, answered: bool = False, gone: bool = False) -> None:
        self.response_complete, self.disconnected = answered, gone

    async def run_asgi(self) -> None:
        await asyncio.get_running_loop().create_future()


def counts_of(serving: list[Cycle], others: int = 0) -> dict[str, Any]:
    """Return the counts of a sample with these requests and so many other tasks."""

    async def sample() -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        tasks = {loop.create_task(cycle.run_asgi()) for cycle in serving}
        rest = [loop.create_task(Cycle().run_asgi()) for _ in range(others)]
        await asyncio.sleep(0)
        server: Any = SimpleNamespace(tasks=lambda: tasks, pipelined=lambda: 0)
        sampler = TaskWaits(loop, server, Places())
        sampler.sample(1.0)
        for task in (*tasks, *rest):
            task.cancel()
        found: dict[str, Any] = sampler.take()["counts"]
        return found

    return asyncio.run(sample())


def test_tasks_are_grouped_by_what_became_of_their_request() -> None:
    counts = counts_of([Cycle(), Cycle(answered=True), Cycle(gone=True), Cycle(gone=True)], others=3)
    assert [counts[name] for name in ("request", "after_answer", "given_up")] == [1, 1, 2]
    assert counts["other"] == 3 + 1, "this test runs in a task too"


def test_a_part_of_many_tasks_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MAX_TASKS", 10)
    counts = counts_of([Cycle() for _ in range(199)])
    assert sum(counts.values()) == pytest.approx(200)


def test_a_second_without_a_sample_has_no_figures() -> None:
    server: Server = SimpleNamespace()  # type: ignore[assignment]
    loop = asyncio.new_event_loop()
    try:
        assert TaskWaits(loop, server, Places()).take() == {}
    finally:
        loop.close()


def test_a_pool_is_found_by_its_threads_with_its_size_and_its_queue() -> None:
    sampler, started, go = ThreadWaits(Places()), threading.Barrier(3), threading.Event()

    def job() -> None:
        started.wait()
        go.wait()

    with ThreadPoolExecutor(2, thread_name_prefix="legacy") as pool:
        for _ in range(2):
            pool.submit(job)
        started.wait()
        pool.submit(go.wait)
        sampler.sample(1.0, sys._current_frames())
        go.set()
    seen = sampler.take()
    (legacy,) = [each for each in seen["pools"] if each["pool"] == "legacy"]
    assert legacy == {"pool": "legacy", "threads": 2, "at_work": 2, "size": 2, "queue": 1}
    assert {each["user_function"] for each in seen["places"] if each["group"] == "legacy"} == {"job"}
