"""One counter, many requests (after 001's `/increment`): read, wait, write, and what is lost in between.

Each style has a counter of its own and a receipt: how many increments were asked for, what the counter says, how many
were lost. What was asked for is kept in a file that every worker appends to, one byte an increment: memory is the
thing in doubt here.
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
    """What the counter says after this increment."""

    value: int


class Receipt(BaseModel):
    """What was asked for, what was counted, by the worker that answers."""

    increments: int
    counted: int
    lost: int
    worker_pid: int


class SharedFile:
    """A file that all workers of one server see; made when first needed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._opening = threading.Lock()
        self._descriptor: int | None = None

    @cached_property
    def path(self) -> Path:
        """In the temporary folder, under a name that only processes of this server can work out."""
        family = hashlib.sha256(multiprocessing.current_process().authkey).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"target-app-{family}-{self._name}"

    @property
    def descriptor(self) -> int:
        """Open for appending: the system puts each write at the end, whoever else writes."""
        with self._opening:  # a crowd of threads would open it many times
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
            return self._descriptor

    def append(self) -> None:
        """One more."""
        os.write(self.descriptor, b".")

    @property
    def size(self) -> int:
        """How many there are."""
        return os.fstat(self.descriptor).st_size

    def close(self) -> None:
        """Remove it, if it was ever made."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self.path.unlink(missing_ok=True)


class Counter:
    """A number in memory, and beside it a file in which every increment of every worker leaves one byte."""

    def __init__(self, name: str) -> None:
        self.value = 0
        self.asked = SharedFile(f"{name}-asked")

    @property
    def counted(self) -> int:
        """What this worker would tell a client."""
        return self.value


class FileCounter(Counter):
    """A number in a file: the same for every worker."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.file = SharedFile(name)

    @property
    def counted(self) -> int:
        """What the file says."""
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
    "no-lock": no_lock,
    "no-await": no_await,
    "asyncio-lock": with_asyncio_lock,
    "def-no-lock": def_no_lock,
    "def-bare": def_bare,
    "threading-lock": with_threading_lock,
    "file-lock": with_file_lock,
}

asyncio_lock = asyncio.Lock()
threading_lock = threading.Lock()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Leave no files behind."""
    yield
    for counter in COUNTERS.values():
        counter.asked.close()
    with_file_lock.file.close()


router = APIRouter(prefix="/shared", tags=["shared state"], lifespan=lifespan)


@router.post("/no-lock")
async def increment_no_lock(pause: Pause = DEFAULT_S) -> Value:
    """The mistake: at the await others read the same old value, and all write the same new one."""
    no_lock.asked.append()
    value = no_lock.value
    await asyncio.sleep(pause)
    no_lock.value = value + 1
    return Value(value=no_lock.value)


@router.post("/no-await")
async def increment_no_await() -> Value:
    """No await between reading and writing, so no other coroutine can come between: safe without a lock."""
    no_await.asked.append()
    no_await.value += 1
    return Value(value=no_await.value)


@router.post("/asyncio-lock")
async def increment_asyncio_lock(pause: Pause = DEFAULT_S) -> Value:
    """One coroutine at a time. Nothing is lost; everybody queues for the pause."""
    with_asyncio_lock.asked.append()
    async with asyncio_lock:
        value = with_asyncio_lock.value
        await asyncio.sleep(pause)
        with_asyncio_lock.value = value + 1
        return Value(value=with_asyncio_lock.value)


@router.post("/def-no-lock")
def increment_def_no_lock(pause: Pause = DEFAULT_S) -> Value:
    """The same mistake with threads, where any line can be the one between."""
    def_no_lock.asked.append()
    value = def_no_lock.value
    time.sleep(pause)
    def_no_lock.value = value + 1
    return Value(value=def_no_lock.value)


@router.post("/def-bare")
def increment_def_bare() -> Value:
    """Not right either, only lucky: this interpreter happens not to change threads inside `+= 1`."""
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
    """State and lock outside the process: right with several workers too. A database's `UPDATE` does the same."""
    with_file_lock.asked.append()
    with with_file_lock.file.path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed
        value = with_file_lock.counted
        time.sleep(pause)
        with_file_lock.write(value + 1)
        return Value(value=value + 1)


@router.get("/{style}/receipt")
async def receipt(style: str) -> Receipt:
    """What this worker thinks, against what all workers were asked."""
    if style not in COUNTERS:
        raise HTTPException(404, f"styles: {', '.join(COUNTERS)}")
    counter = COUNTERS[style]
    increments, counted = counter.asked.size, counter.counted
    return Receipt(increments=increments, counted=counted, lost=increments - counted, worker_pid=os.getpid())
