"""One counter for many requests (after 001's `/increment`): increments lost between reading and writing.

Each style has its own counter and a receipt: the number of requested increments, the counter's value, and the number
lost. Requested increments are counted in a file to which every worker appends one byte, because state in memory is what
is tested here.
"""

import asyncio
import fcntl
import hashlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query
from pydantic import BaseModel

DEFAULT_S = 0.001

Pause = Annotated[float, Query(ge=0, le=1, description="Seconds between reading the counter and writing it.")]


class Value(BaseModel):
    """The counter's value after this increment."""

    value: int


class Receipt(BaseModel):
    """The requested increments and the count of the worker that answers."""

    increments: int
    counted: int
    lost: int
    worker_pid: int


class SharedFile:
    """A file that all workers of one server share, created at first use."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._opening = threading.Lock()
        self._descriptor: int | None = None

    @cached_property
    def path(self) -> Path:
        """Path in the temporary folder, with a name that only processes of this server can derive."""
        family = hashlib.sha256(multiprocessing.current_process().authkey).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"target-app-{family}-{self._name}"

    @property
    def descriptor(self) -> int:
        """A descriptor open for appending: each write goes to the end, also with concurrent writers."""
        with self._opening:  # concurrent threads would open it several times
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
            return self._descriptor

    def append(self) -> None:
        """Append one byte."""
        os.write(self.descriptor, b".")

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return os.fstat(self.descriptor).st_size

    def close(self) -> None:
        """Remove the file, if it was created."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self.path.unlink(missing_ok=True)


class Counter:
    """A number in memory, and a file to which every increment of every worker appends one byte."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.value = 0
        self.asked = SharedFile(f"{style}-asked")

    @property
    def counted(self) -> int:
        """Return this worker's count."""
        return self.value


class FileCounter(Counter):
    """A number in a file: the same for every worker."""

    def __init__(self, style: str) -> None:
        super().__init__(style)
        self.file = SharedFile(style)

    @property
    def counted(self) -> int:
        """Return the number in the file."""
        return int(os.pread(self.file.descriptor, 20, 0) or b"0")

    def write(self, value: int) -> None:
        """Replace the file's number."""
        self.file.path.write_bytes(b"%d" % value)


no_lock = Counter("no-lock")
no_await = Counter("no-await")
with_asyncio_lock = Counter("asyncio-lock")
def_no_lock = Counter("def-no-lock")
def_bare = Counter("def-bare")
with_threading_lock = Counter("threading-lock")
with_file_lock = FileCounter("file-lock")

COUNTERS = {
    counter.style: counter
    for counter in (no_lock, no_await, with_asyncio_lock, def_no_lock, def_bare, with_threading_lock, with_file_lock)
}

asyncio_lock = asyncio.Lock()
threading_lock = threading.Lock()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Remove the files at the end."""
    yield
    for counter in COUNTERS.values():
        counter.asked.close()
    with_file_lock.file.close()


router = APIRouter(prefix="/shared", tags=["shared state"], lifespan=lifespan)


@router.post("/no-lock")
async def increment_no_lock(pause: Pause = DEFAULT_S) -> Value:
    """The mistake: during the await others read the same old value, and all write the same new one."""
    no_lock.asked.append()
    value = no_lock.value
    await asyncio.sleep(pause)
    no_lock.value = value + 1
    return Value(value=no_lock.value)


@router.post("/no-await")
async def increment_no_await() -> Value:
    """No await between reading and writing, so no other coroutine can run in between: safe without a lock."""
    no_await.asked.append()
    no_await.value += 1
    return Value(value=no_await.value)


@router.post("/asyncio-lock")
async def increment_asyncio_lock(pause: Pause = DEFAULT_S) -> Value:
    """One coroutine at a time: nothing is lost, but all requests queue for the pause."""
    with_asyncio_lock.asked.append()
    async with asyncio_lock:
        value = with_asyncio_lock.value
        await asyncio.sleep(pause)
        with_asyncio_lock.value = value + 1
        return Value(value=with_asyncio_lock.value)


@router.post("/def-no-lock")
def increment_def_no_lock(pause: Pause = DEFAULT_S) -> Value:
    """The same mistake with threads, which can switch at any line."""
    def_no_lock.asked.append()
    value = def_no_lock.value
    time.sleep(pause)
    def_no_lock.value = value + 1
    return Value(value=def_no_lock.value)


@router.post("/def-bare")
def increment_def_bare() -> Value:
    """Not correct either, only lucky: this interpreter does not happen to switch threads inside `+= 1`."""
    def_bare.asked.append()
    def_bare.value += 1
    return Value(value=def_bare.value)


@router.post("/threading-lock")
def increment_threading_lock(pause: Pause = DEFAULT_S) -> Value:
    """One thread at a time."""
    with_threading_lock.asked.append()
    with threading_lock:
        value = with_threading_lock.value
        time.sleep(pause)
        with_threading_lock.value = value + 1
        return Value(value=with_threading_lock.value)


@router.post("/file-lock")
def increment_file_lock(pause: Pause = DEFAULT_S) -> Value:
    """State and lock outside the process: correct with several workers too, like a database's `UPDATE`."""
    with_file_lock.asked.append()
    with with_file_lock.file.path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed
        value = with_file_lock.counted
        time.sleep(pause)
        with_file_lock.write(value + 1)
        return Value(value=value + 1)


@router.get("/{style}/receipt")
async def receipt(style: str) -> Receipt:
    """Return this worker's count and the increments requested from all workers."""
    if style not in COUNTERS:
        raise HTTPException(404, f"styles: {', '.join(COUNTERS)}")
    counter = COUNTERS[style]
    increments, counted = counter.asked.size, counter.counted
    return Receipt(increments=increments, counted=counted, lost=increments - counted, worker_pid=os.getpid())
