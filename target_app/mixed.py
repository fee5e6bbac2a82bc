"""Requests that wait and compute, in five styles: which is best for how much of each?

A request waits W seconds and then needs C seconds of CPU. With 100 users, `async` serves 100/(W + C) or 1/C a second,
whichever is lower, and so does `offload`, which keeps the loop free. `def` has 40 threads: at most 40/W. `process-pool`
computes on several cores. `blocking` serves 1/(W + C), and no other request meanwhile.
"""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from .cpu import Processes
from .lifespan import keep

TIMER_S = 0.002
"""A timer of the event loop counts whole milliseconds, and may fire one early."""

Seconds = Annotated[float, Query(ge=0, le=10)]

router = APIRouter(prefix="/mixed", tags=["mixed"], lifespan=keep("mixed_processes", Processes))


class Done(BaseModel):
    """Whether the work was done, as the clocks saw it."""

    waited: bool
    computed: bool


def compute(seconds: float) -> bool:
    """Use this much CPU time of the calling thread, in pure Python. Waiting for the GIL does not count."""
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass
    return True


def wait(seconds: float) -> bool:
    """Block the calling thread."""
    start_s = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - start_s >= seconds - TIMER_S


async def wait_async(seconds: float) -> bool:
    """Let the event loop serve other requests meanwhile."""
    start_s = time.perf_counter()
    await asyncio.sleep(seconds)
    return time.perf_counter() - start_s >= seconds - TIMER_S


@router.get("/async")
async def mixed_async(wait_s: Seconds = 0, cpu_s: Seconds = 0) -> Done:
    """Awaits, and computes on the event loop."""
    return Done(waited=await wait_async(wait_s), computed=compute(cpu_s))


@router.get("/def")
def mixed_def(wait_s: Seconds = 0, cpu_s: Seconds = 0) -> Done:
    """Waits and computes in one of 40 threads."""
    return Done(waited=wait(wait_s), computed=compute(cpu_s))


@router.get("/blocking")
async def mixed_blocking(wait_s: Seconds = 0, cpu_s: Seconds = 0) -> Done:
    """The mistake: waits and computes on the event loop."""
    return Done(waited=wait(wait_s), computed=compute(cpu_s))


@router.get("/offload")
async def mixed_offload(wait_s: Seconds = 0, cpu_s: Seconds = 0) -> Done:
    """Awaits, and computes in a thread: the loop is free, but shares the GIL."""
    return Done(waited=await wait_async(wait_s), computed=await run_in_threadpool(compute, cpu_s))


@router.get("/process-pool")
async def mixed_process_pool(request: Request, wait_s: Seconds = 0, cpu_s: Seconds = 0) -> Done:
    """Awaits, and computes in another process, which has a GIL of its own."""
    waited, pool = await wait_async(wait_s), request.state.mixed_processes.pool
    return Done(waited=waited, computed=await asyncio.get_running_loop().run_in_executor(pool, compute, cpu_s))
