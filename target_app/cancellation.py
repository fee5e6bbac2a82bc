"""Clients that disconnect, and what happens to the work for them (after 001's pitfalls).

A client's disconnect does not cancel an endpoint: `async def` and `def` both run to the end. Only a streaming answer is
cancelled, and work whose endpoint watches for the disconnect itself. Work that must not stay half done undoes its steps
when it is cancelled, or has a shield: `asyncio.shield` lets its task go on when the endpoint is cancelled. Each style
has a receipt: what was started, finished and cancelled, and how many steps of cancelled work are left.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from anyio import CancelScope, create_task_group
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

router = APIRouter(prefix="/cancel", tags=["cancellation"])

DEFAULT_S = 0.2
STEPS = 10
"""Parts of every piece of work, such as lines of an order. They take equally long."""

Seconds = Annotated[float, Query(ge=0, le=10, description="How long the work takes.")]


@dataclass
class Work:
    """One piece of work, which leaves its finished steps behind when it is cancelled."""

    steps: int = 0

    async def run(self, seconds: float) -> None:
        """Do all steps."""
        for _ in range(STEPS):
            await self.step(seconds / STEPS)

    async def step(self, seconds: float) -> None:
        """Do one step."""
        await asyncio.sleep(seconds)
        self.steps += 1


@dataclass
class Tally:
    """The counts of one style's work."""

    started: int = 0
    finished: int = 0
    cancelled: int = 0
    half_done: int = 0
    steps_left: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)  # `def` endpoints count from threads

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Count one piece of work as started, then as finished or cancelled, with the steps that it leaves."""
        work = Work()
        with self.lock:
            self.started += 1
        try:
            yield work
        except asyncio.CancelledError:
            with self.lock:
                self.cancelled += 1
                self.half_done += 0 < work.steps < STEPS
                self.steps_left += work.steps
            raise
        with self.lock:
            self.finished += 1


class Receipt(BaseModel):
    """A tally, and the work still in progress."""

    started: int
    finished: int
    cancelled: int
    running: int
    half_done: int  # cancelled work that left some of its steps
    steps_left: int  # by all cancelled work; each piece has ten


class Done(BaseModel):
    """How long the work took."""

    worked: float


TALLIES = {style: Tally() for style in ("async", "def", "stream", "watched", "cleaned-up", "shielded")}


@router.get("/async")
async def cancel_async(seconds: Seconds = DEFAULT_S) -> Done:
    """Async def: it is not notified of the disconnect."""
    start = time.perf_counter()
    with TALLIES["async"].work() as work:
        await work.run(seconds)
    return Done(worked=time.perf_counter() - start)


@router.get("/def")
def cancel_def(seconds: Seconds = DEFAULT_S) -> Done:
    """Plain def: a thread cannot be cancelled."""
    start = time.perf_counter()
    with TALLIES["def"].work():
        time.sleep(seconds)
    return Done(worked=time.perf_counter() - start)


@router.get("/stream")
async def cancel_stream(seconds: Seconds = DEFAULT_S) -> StreamingResponse:
    """A streaming answer is cancelled at its next await after the disconnect."""

    async def parts() -> AsyncIterator[bytes]:
        with TALLIES["stream"].work() as work:
            for _ in range(STEPS):
                await work.step(seconds / STEPS)
                yield b"part\n"

    return StreamingResponse(parts(), media_type="text/plain")


@router.get("/watched")
async def cancel_watched(request: Request, seconds: Seconds = DEFAULT_S) -> Done:
    """The endpoint watches its client and stops after the disconnect. The mistake: the work stays half done."""
    start = time.perf_counter()
    async with cancelled_when_gone(request):
        with TALLIES["watched"].work() as work:
            await work.run(seconds)
    return Done(worked=time.perf_counter() - start)


@router.get("/cleaned-up")
async def cancel_cleaned_up(request: Request, seconds: Seconds = DEFAULT_S) -> Done:
    """The same, but cancelled work undoes its steps."""
    start = time.perf_counter()
    async with cancelled_when_gone(request):
        with TALLIES["cleaned-up"].work() as work:
            try:
                await work.run(seconds)
            except asyncio.CancelledError:
                work.steps = 0
                raise
    return Done(worked=time.perf_counter() - start)


shielded_tasks: set[asyncio.Task[None]] = set()
"""The event loop refers to a task only weakly, and the endpoint that waits for it may be cancelled."""


@router.get("/shielded")
async def cancel_shielded(request: Request, seconds: Seconds = DEFAULT_S) -> Done:
    """`asyncio.shield` around the work: the endpoint is cancelled, and the work goes on in a task of its own."""
    start = time.perf_counter()
    async with cancelled_when_gone(request):
        task = asyncio.create_task(_whole_work(seconds))
        shielded_tasks.add(task)
        task.add_done_callback(shielded_tasks.discard)
        await asyncio.shield(task)
    return Done(worked=time.perf_counter() - start)


async def _whole_work(seconds: float) -> None:
    with TALLIES["shielded"].work() as work:
        await work.run(seconds)


@asynccontextmanager
async def cancelled_when_gone(request: Request) -> AsyncIterator[None]:
    """Cancel the block when the client disconnects."""
    async with create_task_group() as group:
        group.start_soon(_cancel_when_gone, request, group.cancel_scope)
        yield
        group.cancel_scope.cancel()  # done: stop watching


async def _cancel_when_gone(request: Request, scope: CancelScope) -> None:
    """Wait for the client's disconnect, the only message left after the request's body."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


@router.get("/{style}/receipt")
async def receipt(style: str) -> Receipt:
    """Return the counts of one style."""
    if style not in TALLIES:
        raise HTTPException(404, f"styles: {', '.join(TALLIES)}")
    tally = TALLIES[style]
    return Receipt(
        started=tally.started,
        finished=tally.finished,
        cancelled=tally.cancelled,
        running=tally.started - tally.finished - tally.cancelled,
        half_done=tally.half_done,
        steps_left=tally.steps_left,
    )
