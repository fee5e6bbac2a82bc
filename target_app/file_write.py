"""Writing a file in five styles (after "Navigating the Async Waters" by A. Vera).

The work is the same: create `num_chars` characters, write them to a temporary file, and return the time it took and the
actual size of the file. The styles differ in where the wait for the disk and the creation of the characters happen: in
a thread or on the loop. With `fsync` the wait is for the disk itself, not only for the operating system's memory.
"""

import asyncio
import os
import threading
import time
from functools import partial
from tempfile import TemporaryFile
from typing import Annotated, Literal

import aiofiles.tempfile
import anyio
from anyio import to_thread
from fastapi import APIRouter, Query
from pydantic import BaseModel

router = APIRouter(tags=["file"])

DEFAULT_CHARS = 1_000_000
MAX_CHARS = 100_000_000
"""Limit of one request. The article used 4,000,000,000, which with 40 threads is 160 GB of memory."""

ON_DISK = "/var/tmp"  # noqa: S108  on disk; /tmp is often in memory, where fsync does not wait

NumChars = Annotated[int, Query(ge=1, le=MAX_CHARS, description="Characters to write, one byte each.")]
Fsync = Annotated[bool, Query(description="Wait until the data is on the disk.")]


class Written(BaseModel):
    """The answer of every variant, so that serialising it costs the same."""

    waiting_time: float
    unit: Literal["seconds"] = "seconds"
    bytes_written: int


class Threads(BaseModel):
    """Number of threads used so far, by pool."""

    anyio_threads: int
    asyncio_threads: int


def write_to_file(num_chars: int, *, fsync: bool = False) -> int:
    """Write a file and return its size. Blocks the thread until the operating system has taken every byte."""
    content = b"a" * num_chars
    with TemporaryFile(
        "wb", buffering=0, dir=ON_DISK if fsync else None
    ) as file:  # unbuffered: one system call, as in every variant
        file.write(content)
        if fsync:
            os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


async def write_to_file_async(num_chars: int, *, fsync: bool = False) -> int:
    """Do the same with aiofiles: open, write and close each go to a thread and back."""
    content = b"a" * num_chars
    async with aiofiles.tempfile.TemporaryFile("wb", buffering=0, dir=ON_DISK if fsync else None) as file:
        await file.write(content)
        if fsync:
            await asyncio.to_thread(os.fsync, file.fileno())  # aiofiles has no fsync
        return os.fstat(file.fileno()).st_size


async def write_to_file_anyio(num_chars: int, *, fsync: bool = False) -> int:
    """Do the same with anyio: as many hops, to the threads that `def` endpoints use."""
    content = b"a" * num_chars
    async with anyio.TemporaryFile("wb", buffering=0, dir=ON_DISK if fsync else None) as file:
        await file.write(content)
        if fsync:
            await to_thread.run_sync(os.fsync, file.wrapped.fileno())
        return os.fstat(file.wrapped.fileno()).st_size


@router.get("/write")
def write(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Plain def: FastAPI runs it in a thread of anyio's pool, so the loop stays free."""
    start = time.perf_counter()
    size = write_to_file(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_bad")
async def write_bad(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """The mistake: a blocking call in async def. While it writes, no other request is served."""
    start = time.perf_counter()
    size = write_to_file(num_chars, fsync=fsync)  # blocks the event loop
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_with_thread")
async def write_with_thread(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async def that runs the blocking call in a thread itself, as plain def does implicitly."""
    start = time.perf_counter()
    size = await to_thread.run_sync(partial(write_to_file, num_chars, fsync=fsync))
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_async")
async def write_async(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async throughout, with aiofiles, which uses threads internally."""
    start = time.perf_counter()
    size = await write_to_file_async(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_anyio")
async def write_anyio(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async throughout, with anyio, which also uses threads."""
    start = time.perf_counter()
    size = await write_to_file_anyio(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write/receipt")
async def receipt() -> Threads:
    """Return the number of threads per pool. Pools grow with use, and their threads' names identify them."""
    names = [thread.name for thread in threading.enumerate()]
    return Threads(
        anyio_threads=sum(name.startswith("AnyIO worker") for name in names),
        asyncio_threads=sum(name.startswith(("asyncio", "uvloop")) for name in names),  # their names come from the loop
    )
