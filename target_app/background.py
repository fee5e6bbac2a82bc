"""Answer first, work later (after 001 and 004): background tasks, tasks of one's own, and what becomes of them.

The answer is quick in every style, so the load shows little. The receipt shows what was accepted, what is done, what
still waits. Each job is an e-mail: a byte in an outbox file, so that what a kill took with it can be counted.
"""

import asyncio
import os
import tempfile
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypedDict

from fastapi import APIRouter, BackgroundTasks, FastAPI, Query, Request
from pydantic import BaseModel

OUTBOX_VARIABLE = "TARGET_APP_OUTBOX"
"""Names a file to keep; without it the outbox is a temporary one."""

DEFAULT_MS = 100
JobMs = Annotated[int, Query(ge=0, le=60_000, description="Milliseconds the job behind the answer takes.")]


class Accepted(BaseModel):
    """What the client is told before anything is done."""

    status: str = "queued"


class Receipt(BaseModel):
    """What came of what was accepted."""

    accepted: int
    done: int
    backlog: int
    most_behind: int  # the largest backlog so far
    idle: bool


class Outbox:
    """A file with a byte for every e-mail that was sent."""

    def __init__(self) -> None:
        self.accepted = self.most_behind = 0
        self._sent_before = 0  # an outbox that is kept may hold what an earlier process sent
        self.tasks: set[asyncio.Task[None]] = set()

    @cached_property
    def path(self) -> Path:
        """One's own, or a temporary one."""
        named = os.environ.get(OUTBOX_VARIABLE)
        return Path(named) if named else Path(tempfile.mkstemp(prefix="target-app-outbox-")[1])

    @cached_property
    def descriptor(self) -> int:
        """Open for appending."""
        opened = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self._sent_before = os.fstat(opened).st_size
        return opened

    def accept(self) -> Accepted:
        """Promise one more."""
        self.accepted += 1
        self.most_behind = max(self.most_behind, self.accepted - self.done)
        return Accepted()

    def send(self) -> None:
        """Keep one promise."""
        os.write(self.descriptor, b".")

    @property
    def done(self) -> int:
        """How many were kept."""
        size = os.fstat(self.descriptor).st_size
        return size - self._sent_before

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if "descriptor" in self.__dict__:
            os.close(self.descriptor)
        if "path" in self.__dict__ and OUTBOX_VARIABLE not in os.environ:
            self.path.unlink(missing_ok=True)


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    outbox: Outbox


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The outbox lives as long as the app."""
    outbox = Outbox()
    yield {"outbox": outbox}
    outbox.close()


router = APIRouter(prefix="/background", tags=["background"], lifespan=lifespan)


async def send_email(outbox: Outbox, job_ms: int) -> None:
    """A job that waits politely."""
    await asyncio.sleep(job_ms / 1000)
    outbox.send()


def send_email_blocking(outbox: Outbox, job_ms: int) -> None:
    """The same with a library that blocks."""
    time.sleep(job_ms / 1000)
    outbox.send()


async def send_email_badly(outbox: Outbox, job_ms: int) -> None:
    """The same library, called from a coroutine."""
    time.sleep(job_ms / 1000)  # noqa: ASYNC251  the mistake this is here to show
    outbox.send()


@router.post("/none")
async def in_the_request(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """For comparison: do it, then answer. The client waits, and knows."""
    outbox: Outbox = request.state.outbox
    accepted = outbox.accept()
    await send_email(outbox, job_ms)
    return accepted


@router.post("/tasks-async")
async def tasks_async(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a coroutine: it runs on the loop, after the answer, in the same task as the request."""
    tasks.add_task(send_email, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/tasks-sync")
async def tasks_sync(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a plain function: each takes one of the forty threads, and every `def` route waits."""
    tasks.add_task(send_email_blocking, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/tasks-blocking")
async def tasks_blocking(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: a blocking call in a coroutine. This client has its answer; all others wait for the job."""
    tasks.add_task(send_email_badly, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/create-task")
async def create_task_kept(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """A task of one's own, with a reference until it is done. Nothing limits how many there are."""
    outbox: Outbox = request.state.outbox
    task = asyncio.create_task(send_email(outbox, job_ms))
    outbox.tasks.add(task)
    task.add_done_callback(outbox.tasks.discard)
    return outbox.accept()


# A task nobody refers to may be collected while it waits. A sleeping one is safe, the loop's timer knows it; one that
# waits for something only it refers to, as in a cache or registry of weak references, is not.


class Reply:
    """Something a job waits for."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()


def deliver(reply: "weakref.ref[Reply]") -> None:
    """Bring the reply to whoever still waits for it."""
    waiting = reply()
    if waiting is not None:
        waiting.arrived.set()


async def send_after_reply(outbox: Outbox, job_ms: int) -> None:
    """A job that waits for a reply, of which the mail system keeps but a weak reference."""
    reply = Reply()
    asyncio.get_running_loop().call_later(job_ms / 1000, deliver, weakref.ref(reply))
    await reply.arrived.wait()
    outbox.send()


@router.post("/reply-kept")
async def reply_kept(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """With a reference the task, and what it waits for, stay alive."""
    outbox: Outbox = request.state.outbox
    task = asyncio.create_task(send_after_reply(outbox, job_ms))
    outbox.tasks.add(task)
    task.add_done_callback(outbox.tasks.discard)
    return outbox.accept()


@router.post("/reply-forgotten")
async def reply_forgotten(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: nobody refers to the task. The garbage collector may end it in the middle, and nobody is told."""
    asyncio.create_task(send_after_reply(request.state.outbox, job_ms))  # noqa: RUF006  the mistake
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.get("/thread")
def thread() -> Accepted:
    """An innocent `def` route: it needs a thread, and shows when the background has them all."""
    return Accepted(status="had a thread")


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """What was promised, what was kept."""
    outbox: Outbox = request.state.outbox
    accepted, done = outbox.accepted, outbox.done
    backlog = accepted - done
    return Receipt(accepted=accepted, done=done, backlog=backlog, most_behind=outbox.most_behind, idle=backlog == 0)
