"""Waiting in every style, in place of a slow database or a remote service (after the guides of 003 and 004).

A coroutine that awaits costs nothing, a thread that sleeps is one of few, and a sleeping event loop stops all requests.
The answers contain the actual duration, so that a missing wait is visible.

With T seconds and 100 users, `async` serves 100/T a second, `def` 40/T (anyio's threads), `to-thread` P/T with P =
min(32, cpus + 4) (asyncio's own threads, another pool; up to Python 3.12 the machine's cpus, then those that the
process may use), `own-limiter` 100/T, and `blocking` 1/T.
"""

import asyncio
import time
from typing import Annotated, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

router = APIRouter(tags=["wait"])

DEFAULT_S = 0.05
OWN_THREADS = 100

Seconds = Annotated[float, Query(ge=0, le=10, description="How long to wait.")]


class Waited(BaseModel):
    """The answer of every variant."""

    waited: float
    unit: Literal["seconds"] = "seconds"


@router.get("/wait/async")
async def wait_async(seconds: Seconds = DEFAULT_S) -> Waited:
    """Async def that awaits: the loop serves other requests meanwhile."""
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/def")
def wait_def(seconds: Seconds = DEFAULT_S) -> Waited:
    """Plain def: blocks one of anyio's 40 threads."""
    start = time.perf_counter()
    time.sleep(seconds)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/run-in-threadpool")
async def wait_run_in_threadpool(seconds: Seconds = DEFAULT_S) -> Waited:
    """Async def that runs the blocking call in a thread: the same 40 threads."""
    start = time.perf_counter()
    await run_in_threadpool(time.sleep, seconds)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/anyio")
async def wait_anyio(seconds: Seconds = DEFAULT_S) -> Waited:
    """The function of anyio that FastAPI's helper calls: the same 40 threads."""
    start = time.perf_counter()
    await to_thread.run_sync(time.sleep, seconds)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/to-thread")
async def wait_to_thread(seconds: Seconds = DEFAULT_S) -> Waited:
    """The standard library's helper: another pool, of min(32, cpus + 4) threads."""
    start = time.perf_counter()
    await asyncio.to_thread(time.sleep, seconds)
    return Waited(waited=time.perf_counter() - start)


own_limiter = CapacityLimiter(OWN_THREADS)  # created once: a limiter per request would limit nothing


@router.get("/wait/own-limiter")
async def wait_own_limiter(seconds: Seconds = DEFAULT_S) -> Waited:
    """A separate limiter with as many threads as this work needs, which no other route shares."""
    start = time.perf_counter()
    await to_thread.run_sync(time.sleep, seconds, limiter=own_limiter)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/blocking")
async def wait_blocking(seconds: Seconds = DEFAULT_S) -> Waited:
    """The mistake: a blocking call in async def. The loop sleeps, and no request is served."""
    start = time.perf_counter()
    time.sleep(seconds)  # noqa: ASYNC251  the mistake to show
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/not-awaited")
async def wait_not_awaited(seconds: Seconds = DEFAULT_S) -> Waited:
    """Another mistake: the coroutine is created but never awaited. The answer is fast, but no work was done."""
    start = time.perf_counter()
    forgotten = asyncio.sleep(seconds)
    forgotten.close()  # suppresses Python's warning, which in real code is the only sign
    return Waited(waited=time.perf_counter() - start)


# Two waits in one request.


@router.get("/wait/two-blocking")
def wait_two_blocking(first: Seconds = DEFAULT_S, second: Seconds = DEFAULT_S) -> Waited:
    """Two waits in sequence in a thread: first + second."""
    start = time.perf_counter()
    time.sleep(first)
    time.sleep(second)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/two-awaited")
async def wait_two_awaited(first: Seconds = DEFAULT_S, second: Seconds = DEFAULT_S) -> Waited:
    """Two awaits in sequence: also first + second, but the loop is free meanwhile."""
    start = time.perf_counter()
    await asyncio.sleep(first)
    await asyncio.sleep(second)
    return Waited(waited=time.perf_counter() - start)


@router.get("/wait/two-gathered")
async def wait_two_gathered(first: Seconds = DEFAULT_S, second: Seconds = DEFAULT_S) -> Waited:
    """Two waits started together: the longer of the two."""
    start = time.perf_counter()
    await asyncio.gather(asyncio.sleep(first), asyncio.sleep(second))
    return Waited(waited=time.perf_counter() - start)


# The routes of 003, under its names. It sends six requests at once and observes when each starts.


class Message(BaseModel):
    """The answers of 003's routes."""

    message: str


@router.get("/")
async def root(seconds: Seconds = 0.0) -> Message:
    """Return "Hello World"; with `seconds=4` it is the article's second version, which awaits first."""
    await asyncio.sleep(seconds)
    return Message(message="Hello World")


@router.get("/fast")
async def fast() -> Message:
    """Answer at once, unless the loop is blocked."""
    return Message(message="So fast")


@router.get("/slow")
async def slow(seconds: Seconds = 4.0) -> Message:
    """The mistake: no other request is served while this one sleeps."""
    time.sleep(seconds)  # noqa: ASYNC251  the mistake to show
    return Message(message="So slow")


@router.get("/sync-slow")
def sync_slow(seconds: Seconds = 4.0) -> Message:
    """The same call in a plain def: only its thread sleeps."""
    time.sleep(seconds)
    return Message(message="So slow")


@router.get("/async-slow")
async def async_slow(seconds: Seconds = 4.0) -> Message:
    """The same wait, awaited."""
    await asyncio.sleep(seconds)
    return Message(message="So slow")
