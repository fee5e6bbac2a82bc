"""CPU-bound work in every style (after 001's `/heavy`, and 002 to 004 on CPU-bound work).

Each request needs C seconds of CPU and nothing can overlap, so on one core every style serves 1/C. The styles differ in
their effect on other routes and in whether they can use a second core: threads of one process share the GIL, other
processes do not, and some C code releases it.
"""

import asyncio
import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache, cached_property
from typing import Annotated, Any

from anyio import CapacityLimiter, to_process
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from .lifespan import keep

DEFAULT_NUMBERS = 200_000
DEFAULT_ROUNDS = 20_000
DEFAULT_SIZE = 300_000

Numbers = Annotated[int, Query(ge=1, le=10_000_000, description="How many squares to sum.")]
Rounds = Annotated[int, Query(ge=1, le=1_000_000, description="How often to hash.")]
Size = Annotated[int, Query(ge=1, le=10_000_000, description="How many numbers to sort.")]


class Computed(BaseModel):
    """The result, which proves that the work was done."""

    result: int


class Hashed(BaseModel):
    """The hash, which proves that the work was done."""

    digest: str


class Sorted(BaseModel):
    """The median, which proves that the work was done."""

    median: int


CORES = len(os.sched_getaffinity(0))


class Processes:
    """One process per core, started at first use, so that an app that never computes pays nothing."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(
            CORES
        )  # for anyio's processes; its default also counts cores that we may not use

    @cached_property
    def pool(self) -> ProcessPoolExecutor:
        """The standard library's pool. It uses `forkserver`, because `fork` copies locks but not the threads."""
        return ProcessPoolExecutor(CORES, multiprocessing.get_context("forkserver"))

    async def close(self) -> None:
        """End the processes, if there are any, and wait: uvicorn ends by a signal, which runs no exit handlers."""
        if "pool" in self.__dict__:
            await asyncio.to_thread(self.pool.shutdown, cancel_futures=True)


router = APIRouter(prefix="/cpu", tags=["cpu"], lifespan=keep("processes", Processes))


def compute(numbers: int) -> int:
    """Sum squares in pure Python, which needs the GIL for every step."""
    return sum(i * i for i in range(numbers))


def hash_slowly(rounds: int) -> str:
    """Derive a key with OpenSSL's loop, which releases the GIL."""
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds).hex()


@cache
def shuffled(size: int) -> Any:
    """Return the numbers below `size` in a random order."""
    import numpy as np  # noqa: PLC0415  it takes long, so only the requests that need it do it

    return np.random.default_rng(seed=1).permutation(size)


def median_of(size: int) -> int:
    """Sort with numpy, which releases the GIL meanwhile."""
    import numpy as np  # noqa: PLC0415

    return int(np.sort(shuffled(size))[size // 2])


@router.get("/inline")
async def cpu_inline(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """The mistake: the loop computes, and no other request is served."""
    return Computed(result=compute(numbers))


@router.get("/def")
def cpu_def(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """Plain def: the loop and forty threads share the GIL. It is not faster, but other routes get their turn."""
    return Computed(result=compute(numbers))


@router.get("/executor")
async def cpu_executor(numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """001's `/heavy`, in the default executor: also threads, but fewer."""
    return Computed(result=await asyncio.get_running_loop().run_in_executor(None, compute, numbers))


@router.get("/process-pool")
async def cpu_process_pool(request: Request, numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """A process pool: each process has its own GIL, so all cores are used and the loop stays free."""
    pool = request.state.processes.pool
    return Computed(result=await asyncio.get_running_loop().run_in_executor(pool, compute, numbers))


@router.get("/to-process")
async def cpu_to_process(request: Request, numbers: Numbers = DEFAULT_NUMBERS) -> Computed:
    """The process pool of anyio: only its size is to be set, and calls can be made cancellable."""
    return Computed(result=await to_process.run_sync(compute, numbers, limiter=request.state.processes.limiter))


@router.get("/hash-inline")
async def hash_inline(rounds: Rounds = DEFAULT_ROUNDS) -> Hashed:
    """The mistake with C code: the GIL is free, but the loop is blocked."""
    return Hashed(digest=hash_slowly(rounds))


@router.get("/numpy-inline")
async def numpy_inline(size: Size = DEFAULT_SIZE) -> Sorted:
    """The mistake with numpy: the GIL is free, but the loop is blocked."""
    return Sorted(median=median_of(size))


@router.get("/numpy-def")
def numpy_def(size: Size = DEFAULT_SIZE) -> Sorted:
    """Plain def around numpy code that releases the GIL: here threads do use every core."""
    return Sorted(median=median_of(size))
