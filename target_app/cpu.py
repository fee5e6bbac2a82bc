"""Computing, every way (after 001's `/heavy`, and what 002 to 004 say of CPU-bound work).

C seconds of CPU a request: there is nothing to overlap, so on one core every style serves 1/C. What differs is the
neighbours' fate, and whether a second core is of any use: threads of one process share the interpreter's lock, other
processes do not, and some C code lets go of it.
"""

import asyncio
import hashlib
import multiprocessing
import os
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Annotated, TypedDict

from anyio import CapacityLimiter, to_process
from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel

DEFAULT_NUMBERS = 200_000
DEFAULT_ROUNDS = 20_000

Numbers = Annotated[int, Query(ge=1, le=10_000_000, description="How many squares to sum.")]
Rounds = Annotated[int, Query(ge=1, le=1_000_000, description="How often to hash.")]


class Computed(BaseModel):
    """The result, so that work not done shows."""

    result: int


class Hashed(BaseModel):
    """The hash, so that work not done shows."""

    digest: str


CORES = len(os.sched_getaffinity(0))


class Processes:
    """One a core, started when they are first asked for: an app that never computes pays nothing."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(CORES)  # for anyio's; its own default counts cores we may not use

    @cached_property
    def pool(self) -> ProcessPoolExecutor:
        """The standard library's. `forkserver`, not `fork`: a fork copies locks of threads that it does not copy."""
        return ProcessPoolExecutor(CORES, multiprocessing.get_context("forkserver"))

    async def close(self) -> None:
        """End them, if there are any, and see that they end: uvicorn leaves by a signal, and nobody asks them then."""
        if "pool" in self.__dict__:
            await asyncio.to_thread(self.pool.shutdown, cancel_futures=True)


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    processes: Processes


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The pool lives as long as the app."""
    processes = Processes()
    yield {"processes": processes}
    await processes.close()


router = APIRouter(prefix="/cpu", tags=["cpu"], lifespan=lifespan)


def compute(numbers: int) -> int:
    """Sum squares in pure Python: needs the interpreter's lock for every step."""
    return sum(i * i for i in range(numbers))


def hash_slowly(rounds: int) -> str:
    """Derive a key. OpenSSL's loop, which lets go of the interpreter's lock while it runs."""
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds).hex()


@router.get("/inline")
async def cpu_inline(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """The mistake: the loop computes, and nobody else is served."""
    return Computed(result=compute(numbers))


@router.get("/def")
def cpu_def(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """Plain def: the loop and forty threads take turns at one lock. No faster, but the neighbours get their turn."""
    return Computed(result=compute(numbers))


@router.get("/executor")
async def cpu_executor(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """001's `/heavy`: the default executor. Threads as well, only fewer of them."""
    return Computed(result=await asyncio.get_running_loop().run_in_executor(None, compute, numbers))


@router.get("/process-pool")
async def cpu_process_pool(request: Request, numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """Another process, another lock: uses every core, and the loop stays free."""
    pool = request.state.processes.pool
    return Computed(result=await asyncio.get_running_loop().run_in_executor(pool, compute, numbers))


@router.get("/to-process")
async def cpu_to_process(request: Request, numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """The way of anyio to another process: nothing to set up but how many, and `cancellable=True` if one wants."""
    return Computed(result=await to_process.run_sync(compute, numbers, limiter=request.state.processes.limiter))


@router.get("/hash-inline")
async def hash_inline(rounds: Rounds = DEFAULT_ROUNDS) -> Hashed:
    """The mistake with C code: the lock is free, but the loop is not."""
    return Hashed(digest=hash_slowly(rounds))


@router.get("/hash-def")
def hash_def(rounds: Rounds = DEFAULT_ROUNDS) -> Hashed:
    """Plain def around C code that lets go of the lock: here threads do use every core."""
    return Hashed(digest=hash_slowly(rounds))
