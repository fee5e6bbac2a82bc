"""Answer first, work later (after 001 and 004): background tasks and `asyncio.create_task`.

The answer is quick in every style, so the load shows little. The receipt counts the jobs that were accepted, that are
done and that still wait. Each job is an e-mail: one byte in an outbox file, so that jobs lost by a kill can be counted.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Coroutine
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request
from pydantic import BaseModel

from .lifespan import keep

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
        self._tasks: set[asyncio.Task[None]] = set()

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

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job in a task, with a reference to the task until it is done."""
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send(self) -> None:
        """Finish one job: append its byte."""
        os.write(self.descriptor, b".")

    @property
    def done(self) -> int:
        """Number of finished jobs."""
        size = os.fstat(self.descriptor).st_size
        return size - self._sent_before

    async def close(self) -> None:
        """Remove the temporary file, if there is one."""
        if "descriptor" in self.__dict__:
            os.close(self.descriptor)
        if "path" in self.__dict__ and OUTBOX_VARIABLE not in os.environ:
            self.path.unlink(missing_ok=True)


router = APIRouter(prefix="/background", tags=["background"], lifespan=keep("outbox", Outbox))


def outbox_of(request: Request) -> Outbox:
    """Return the app's outbox."""
    outbox: Outbox = request.state.outbox
    return outbox


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
    outbox = outbox_of(request)
    accepted = outbox.accept()
    await send_email(outbox, job_ms)
    return accepted


@router.post("/tasks-async")
async def tasks_async(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a coroutine: it runs on the loop after the answer, in the request's task."""
    tasks.add_task(send_email, request.state.outbox, job_ms)
    return outbox_of(request).accept()


@router.post("/tasks-sync")
async def tasks_sync(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """BackgroundTasks with a plain function: each takes one of the forty threads that `def` routes need."""
    tasks.add_task(send_email_blocking, request.state.outbox, job_ms)
    return outbox_of(request).accept()


@router.post("/tasks-blocking")
async def tasks_blocking(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: a blocking call in a coroutine. This client has its answer, but all others wait for the job."""
    tasks.add_task(send_email_badly, request.state.outbox, job_ms)
    return outbox_of(request).accept()


@router.post("/create-task")
async def create_task_kept(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """`asyncio.create_task`, with a reference until it is done. Nothing limits the number of tasks."""
    outbox = outbox_of(request)
    outbox.start(send_email(outbox, job_ms))
    return outbox.accept()


# Every tenth job fails at its first attempt. The exception of a task reaches only code that asks the task for it.


FAILS_EVERY = 10


class MailServerError(Exception):
    """The mail server refused an e-mail."""


async def send_email_once(outbox: Outbox, job_ms: int, number: int) -> None:
    """A job that fails for every tenth e-mail."""
    await asyncio.sleep(job_ms / 1000)
    if number % FAILS_EVERY == 0:
        raise MailServerError(f"e-mail {number} was refused")
    outbox.send()


async def send_email_again(outbox: Outbox, job_ms: int, number: int) -> None:
    """A managed job: it handles the exception and sends the e-mail again."""
    try:
        await send_email_once(outbox, job_ms, number)
    except MailServerError:
        outbox.send()


@router.post("/failing-untracked")
async def failing_untracked(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: nothing waits for the task, so its exception reaches no code, only asyncio's log."""
    outbox = outbox_of(request)
    accepted = outbox.accept()
    asyncio.create_task(send_email_once(outbox, job_ms, outbox.accepted))  # noqa: RUF006  the mistake
    return accepted


@router.post("/failing-tracked")
async def failing_tracked(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The same failures in tasks that are kept and whose exceptions are handled."""
    outbox = outbox_of(request)
    accepted = outbox.accept()
    outbox.start(send_email_again(outbox, job_ms, outbox.accepted))
    return accepted


@router.post("/failing-tasks")
async def failing_tasks(request: Request, tasks: BackgroundTasks, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The same failures in BackgroundTasks: the exception reaches the server's log, but no code either."""
    outbox = outbox_of(request)
    accepted = outbox.accept()
    tasks.add_task(send_email_once, outbox, job_ms, outbox.accepted)
    return accepted


@router.get("/thread")
def thread() -> Accepted:
    """An unrelated `def` route: it needs a thread, so it slows down when background tasks use all threads."""
    return Accepted(status="had a thread")


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return the state of the accepted jobs."""
    outbox = outbox_of(request)
    accepted, done = outbox.accepted, outbox.done
    backlog = accepted - done
    return Receipt(accepted=accepted, done=done, backlog=backlog, most_behind=outbox.most_behind, idle=backlog == 0)
