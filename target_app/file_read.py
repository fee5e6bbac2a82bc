"""Reading a file in five styles. Unlike in `file_write`, the page cache answers, so the wait is short."""

import time
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import aiofiles
import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from .lifespan import keep

DEFAULT_BYTES = 1_000_000
MAX_BYTES = 10_000_000

NumBytes = Annotated[int, Query(ge=1, le=MAX_BYTES, description="Size of the file.")]


class Files:
    """A folder, created at first use, with one file per size."""

    @cached_property
    def _folder(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="target-app-")

    def of(self, num_bytes: int) -> Path:
        """Return the file of that size."""
        path = Path(self._folder.name, f"{num_bytes}")
        if not path.exists():  # once per size, before anything is measured
            path.write_bytes(b"a" * num_bytes)
        return path

    async def close(self) -> None:
        """Remove the files, if there are any."""
        if "_folder" in self.__dict__:
            self._folder.cleanup()


router = APIRouter(tags=["file"], lifespan=keep("files", Files))


class Read(BaseModel):
    """The same answer for every variant."""

    waiting_time: float
    unit: Literal["seconds"] = "seconds"
    bytes_read: int


async def file_of(request: Request, num_bytes: NumBytes = DEFAULT_BYTES) -> Path:
    """Return the file of that size. It is async because a `def` dependency would cost every variant a thread."""
    files: Files = request.state.files
    return files.of(num_bytes)


File = Annotated[Path, Depends(file_of)]


@router.get("/read")
def read(file: File) -> Read:
    """Plain def: a thread of anyio's pool reads."""
    start = time.perf_counter()
    content = file.read_bytes()
    return Read(waiting_time=time.perf_counter() - start, bytes_read=len(content))


@router.get("/read_bad")
async def read_bad(file: File) -> Read:
    """The mistake: the loop reads. The damage depends on the size, and on whether the file is cached."""
    start = time.perf_counter()
    content = file.read_bytes()  # blocks the event loop
    return Read(waiting_time=time.perf_counter() - start, bytes_read=len(content))


@router.get("/read_with_thread")
async def read_with_thread(file: File) -> Read:
    """Async def that runs the whole read in a thread: one hop."""
    start = time.perf_counter()
    content = await to_thread.run_sync(file.read_bytes)
    return Read(waiting_time=time.perf_counter() - start, bytes_read=len(content))


@router.get("/read_async")
async def read_async(file: File) -> Read:
    """With aiofiles: three hops (open, read, close) to asyncio's own threads."""
    start = time.perf_counter()
    async with aiofiles.open(file, "rb") as opened:
        content = await opened.read()
    return Read(waiting_time=time.perf_counter() - start, bytes_read=len(content))


@router.get("/read_anyio")
async def read_anyio(file: File) -> Read:
    """With anyio: the same three hops, to the threads that `def` endpoints use."""
    start = time.perf_counter()
    async with await anyio.open_file(file, "rb") as opened:
        content = await opened.read()
    return Read(waiting_time=time.perf_counter() - start, bytes_read=len(content))
