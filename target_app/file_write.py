"""Writing a file, five ways (after "Navigating the Async Waters" by A. Vera).

The same work in each: make `num_chars` characters, write them to a temporary file, say how long it took and how many
bytes the file really holds. What differs is who waits for the disk, and that the characters are made where the code
runs: in a thread, or on the loop. With `fsync` the disk itself is waited for, not only the operating system's memory.
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
"""Upper bound of one request. The article wrote 4,000,000,000: with 40 threads that is 160 GB of memory."""

ON_DISK = "/var/tmp"  # noqa: S108  the folder whose files outlive a reboot; /tmp is often memory, where fsync waits for nothing

NumChars = Annotated[int, Query(ge=1, le=MAX_CHARS, description="Characters to write, one byte each.")]
Fsync = Annotated[bool, Query(description="Wait until the disk has it.")]


class Written(BaseModel):
    """The same answer for every variant, so that serialising it costs the same."""

    waiting_time: float
    unit: Literal["seconds"] = "seconds"
    bytes_written: int


class Threads(BaseModel):
    """How many threads have been put to work so far, by whose they are."""

    anyio_threads: int
    asyncio_threads: int


def write_to_file(num_chars: int, *, fsync: bool = False) -> int:
    """Write and return the file's size. Blocks its thread until the operating system has taken every byte."""
    content = b"a" * num_chars
    with TemporaryFile(
        "wb", buffering=0, dir=ON_DISK if fsync else None
    ) as file:  # unbuffered: one system call, in every variant alike
        file.write(content)
        if fsync:
            os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


async def write_to_file_async(num_chars: int, *, fsync: bool = False) -> int:
    """Do the same through aiofiles: open, write and close each travel to a thread and back."""
    content = b"a" * num_chars
    async with aiofiles.tempfile.TemporaryFile("wb", buffering=0, dir=ON_DISK if fsync else None) as file:
        await file.write(content)
        if fsync:
            await asyncio.to_thread(os.fsync, file.fileno())  # aiofiles has none of its own
        return os.fstat(file.fileno()).st_size


async def write_to_file_anyio(num_chars: int, *, fsync: bool = False) -> int:
    """Do the same through anyio: as many hops, on the threads that `def` endpoints use."""
    content = b"a" * num_chars
    async with anyio.TemporaryFile("wb", buffering=0, dir=ON_DISK if fsync else None) as file:
        await file.write(content)
        if fsync:
            await to_thread.run_sync(os.fsync, file.wrapped.fileno())
        return os.fstat(file.wrapped.fileno()).st_size


@router.get("/write")
def write(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Plain def: FastAPI runs it in a thread of anyio's pool, the loop stays free."""
    start = time.perf_counter()
    size = write_to_file(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_bad")
async def write_bad(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """The mistake: a blocking call in async def. While it writes, nobody else is served."""
    start = time.perf_counter()
    size = write_to_file(num_chars, fsync=fsync)  # blocks the event loop
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_with_thread")
async def write_with_thread(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async def that sends the blocking call to a thread itself: what plain def does, spelled out."""
    start = time.perf_counter()
    size = await to_thread.run_sync(partial(write_to_file, num_chars, fsync=fsync))
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_async")
async def write_async(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async all the way, with aiofiles: threads again, behind an async face."""
    start = time.perf_counter()
    size = await write_to_file_async(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write_anyio")
async def write_anyio(num_chars: NumChars = DEFAULT_CHARS, fsync: Fsync = False) -> Written:
    """Async all the way, with anyio: threads as well."""
    start = time.perf_counter()
    size = await write_to_file_anyio(num_chars, fsync=fsync)
    return Written(waiting_time=time.perf_counter() - start, bytes_written=size)


@router.get("/write/receipt")
async def receipt() -> Threads:
    """Which pools the writing went through: pools grow when they are used, and say so in their threads' names."""
    names = [thread.name for thread in threading.enumerate()]
    return Threads(
        anyio_threads=sum(name.startswith("AnyIO worker") for name in names),
        asyncio_threads=sum(name.startswith(("asyncio", "uvloop")) for name in names),  # named after the loop
    )
