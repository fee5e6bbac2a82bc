"""Answer first, work later (after 001 and 004): background tasks and `asyncio.create_task`.

The answer is quick in every style, so the load shows little. The receipt counts the jobs that were accepted, that are
done and that still wait. Each job is an e-mail: one byte in an outbox file, so that jobs lost by a kill can be counted.
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
"""Environment variable with an outbox file to keep; without it the outbox is a temporary file."""

DEFAULT_MS = 100
JobMs = Annotated[int, Query(ge=0, le=60_000, description="Milliseconds that the job after the answer takes.")]


class Accepted(BaseModel):
    """The answer, sent before the job is done."""

    status: str = "queued"


class Receipt(BaseModel):
    """The state of the accepted jobs."""

    accepted: int
    done: int
    backlog: int
    most_behind: int  # the largest backlog so far
    idle: bool


class Outbox:
    """A file with one byte per sent e-mail."""

    def __init__(self) -> None:
        self.accepted = self.most_behind = 0
        self._sent_before = 0  # a kept outbox may hold e-mails of an earlier process
        self.tasks: set[asyncio.Task[None]] = set()

    @cached_property
    def path(self) -> Path:
        """The kept file, or a temporary one."""
        named = os.environ.get(OUTBOX_VARIABLE)
        return Path(named) if named else Path(tempfile.mkstemp(prefix="target-app-outbox-")[1])

    @cached_property
    def descriptor(self) -> int:
        """A descriptor of the file, open for appending."""
        opened = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        self._sent_before = os.fstat(opened).st_size
        return opened

    def accept(self) -> Accepted:
        """Accept one job."""
        self.accepted += 1
        self.most_behind = max(self.most_behind, self.accepted - self.done)
        return Accepted()

    def send(self) -> None:
        """Finish one job: append its byte."""
        os.write(self.descriptor, b".")

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        size = os.fstat(self.descriptor).st_size
        return size - self._sent_before

    def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if "descriptor" in self.__dict__:
            os.close(self.descriptor)
        if "path" in self.__dict__ and OUTBOX_VARIABLE not in os.environ:
            self.path.unlink(missing_ok=True)


class State(TypedDict):
    """The content of `request.state`."""

    outbox: Outbox


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """Keep the outbox as long as the app runs."""
    outbox = Outbox()
    yield {"outbox": outbox}
    outbox.close()


router = APIRouter(prefix="/background", tags=["background"], lifespan=lifespan)


async def send_email(outbox: Outbox, job_ms: int) -> None:
    """A job that awaits."""
    await asyncio.sleep(job_ms / 1000)
    outbox.send()


def send_email_blocking(outbox: Outbox, job_ms: int) -> None:
    """The same job with a blocking library."""
    time.sleep(job_ms / 1000)
    outbox.send()


async def send_email_badly(outbox: Outbox, job_ms: int) -> None:
    """The mistake: the blocking library in a coroutine."""
    time.sleep(job_ms / 1000)  # noqa: ASYNC251  the mistake to show
    outbox.send()


@router.post("/none")
async def in_the_request(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """For comparison: do the job, then answer. The client waits and knows the result."""
    outbox: Outbox = request.state.outbox
    accepted = outbox.accept()
    await send_email(outbox, job_ms)
    return accepted


@router.post("/tasks-async")
async def tasks_async(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a coroutine: it runs on the loop after the answer, in the request's task."""
    tasks.add_task(send_email, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/tasks-sync")
async def tasks_sync(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a plain function: each takes one of the forty threads that `def` routes need."""
    tasks.add_task(send_email_blocking, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/tasks-blocking")
async def tasks_blocking(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: a blocking call in a coroutine. This client has its answer, but all others wait for the job."""
    tasks.add_task(send_email_badly, request.state.outbox, job_ms)
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.post("/create-task")
async def create_task_kept(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """`asyncio.create_task`, with a reference until it is done. Nothing limits the number of tasks."""
    outbox: Outbox = request.state.outbox
    task = asyncio.create_task(send_email(outbox, job_ms))
    outbox.tasks.add(task)
    task.add_done_callback(outbox.tasks.discard)
    return outbox.accept()


# A task without a reference may be garbage-collected while it waits. A sleeping task is safe, because the loop's timer
# refers to it. A task that waits for an object that only it refers to, as in a registry of weak references, is not.


class Reply:
    """A reply that a job waits for."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()


def deliver(reply: "weakref.ref[Reply]") -> None:
    """Deliver the reply if it still exists."""
    waiting = reply()
    if waiting is not None:
        waiting.arrived.set()


async def send_after_reply(outbox: Outbox, job_ms: int) -> None:
    """A job that waits for a reply to which the mail system has only a weak reference."""
    reply = Reply()
    asyncio.get_running_loop().call_later(job_ms / 1000, deliver, weakref.ref(reply))
    await reply.arrived.wait()
    outbox.send()


@router.post("/reply-kept")
async def reply_kept(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """With a reference, the task and the reply that it waits for stay alive."""
    outbox: Outbox = request.state.outbox
    task = asyncio.create_task(send_after_reply(outbox, job_ms))
    outbox.tasks.add(task)
    task.add_done_callback(outbox.tasks.discard)
    return outbox.accept()


@router.post("/reply-forgotten")
async def reply_forgotten(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: no reference to the task. The garbage collector may destroy it half-way without any error."""
    asyncio.create_task(send_after_reply(request.state.outbox, job_ms))  # noqa: RUF006  the mistake
    accepted: Accepted = request.state.outbox.accept()
    return accepted


@router.get("/thread")
def thread() -> Accepted:
    """An unrelated `def` route: it needs a thread, so it slows down when background tasks use all threads."""
    return Accepted(status="had a thread")


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return the state of the accepted jobs."""
    outbox: Outbox = request.state.outbox
    accepted, done = outbox.accepted, outbox.done
    backlog = accepted - done
    return Receipt(accepted=accepted, done=done, backlog=backlog, most_behind=outbox.most_behind, idle=backlog == 0)
