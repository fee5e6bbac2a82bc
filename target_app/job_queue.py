"""A real queue (after 001 and 004): the endpoint puts the job into Redis, and a worker process does it.

The worker atomically moves each job from the queue to a second list while it works, so that a kill loses none: the next
worker repeats an unfinished job. (A job may then be done twice, but never not at all.) Celery, RQ and Dramatiq do the
same with more features.
"""

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

import redis
import redis.asyncio
from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel

URL = os.environ.get("LOOPBENCH_REDIS_URL", "redis://127.0.0.1:1/0")
NAME_VARIABLE = "TARGET_APP_QUEUE"
"""Environment variable with the queue's name, to find the jobs again after a restart; by default each start has a new
queue."""

NAME = os.environ.get(NAME_VARIABLE, secrets.token_hex(8))
KEY = f"loopbench:jobs:{NAME}"
WAITING, STARTED, ACCEPTED, DONE = (f"{KEY}:{part}" for part in ("waiting", "started", "accepted", "done"))

DEFAULT_MS = 100
EXPIRE_S = 3_600
"""Keys expire after this time, so that nothing stays in a user's own Redis."""

JobMs = Annotated[int, Query(ge=0, le=60_000, description="Milliseconds that the worker needs for the job.")]


class Accepted(BaseModel):
    """The answer, sent before the job is done."""

    status: str = "queued"


class Receipt(BaseModel):
    """The state of the accepted jobs."""

    accepted: int
    done: int
    backlog: int
    idle: bool


class Queue:
    """Connections to Redis, created at first use, and the worker."""

    def __init__(self) -> None:
        self.blocking = redis.Redis.from_url(URL, decode_responses=True)  # for threads
        self.asynchronous = redis.asyncio.Redis.from_url(URL)  # for coroutines
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def ensure_worker(self) -> None:
        """Start the worker process if none runs. It ends with the app. In production a supervisor does this."""
        with self._lock:  # two threads could start two workers
            if self._worker is None or self._worker.poll() is not None:
                command = [sys.executable, "-m", __name__, str(os.getpid())]
                self._worker = subprocess.Popen(command, env=os.environ | {NAME_VARIABLE: NAME})

    async def close(self) -> None:
        """End the worker, if there is one, and close the connections."""
        if self._worker is not None:
            self._worker.terminate()
            self._worker.wait()
        self.blocking.close()
        await self.asynchronous.aclose()


class State(TypedDict):
    """The content of `request.state`."""

    queue: Queue


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """Keep the connections as long as the app runs; the jobs stay longer."""
    queue = Queue()
    yield {"queue": queue}
    await queue.close()


router = APIRouter(prefix="/queue", tags=["background"], lifespan=lifespan)


def put(pipeline: redis.client.Pipeline | redis.asyncio.client.Pipeline, job_ms: int) -> None:
    """Add the commands that enqueue a job atomically."""
    pipeline.lpush(WAITING, job_ms)
    pipeline.incr(ACCEPTED)
    for key in (WAITING, ACCEPTED):
        pipeline.expire(key, EXPIRE_S)


@router.post("/async")
async def enqueue_async(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The async client in async def."""
    queue: Queue = request.state.queue
    async with queue.asynchronous.pipeline(transaction=True) as both:
        put(both, job_ms)
        await both.execute()
    queue.ensure_worker()
    return Accepted()


@router.post("/def")
def enqueue_def(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The sync client in plain def."""
    queue: Queue = request.state.queue
    with queue.blocking.pipeline(transaction=True) as both:
        put(both, job_ms)
        both.execute()
    queue.ensure_worker()
    return Accepted()


@router.post("/async-blocking")
async def enqueue_async_blocking(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """The mistake: the sync client in async def. It is not noticeable until Redis is slow or far away."""
    queue: Queue = request.state.queue
    with queue.blocking.pipeline(transaction=True) as both:
        put(both, job_ms)
        both.execute()  # blocks the event loop
    queue.ensure_worker()
    return Accepted()


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return Redis's counts of accepted and finished jobs. A dead worker is restarted."""
    queue: Queue = request.state.queue
    queue.ensure_worker()
    accepted, done = (int(count or 0) for count in await queue.asynchronous.mget(ACCEPTED, DONE))
    return Receipt(accepted=accepted, done=done, backlog=accepted - done, idle=accepted == done)


def work(connection: redis.Redis, app_pid: int) -> None:
    """Run the worker: do one job after the other while the app that started it runs."""
    while connection.lmove(STARTED, WAITING, "RIGHT", "RIGHT") is not None:
        pass  # first repeat the jobs that the last worker had begun
    while os.getppid() == app_pid:
        job_ms: Any = connection.blmove(WAITING, STARTED, timeout=1, src="RIGHT", dest="LEFT")
        if job_ms is None:
            continue
        connection.expire(STARTED, EXPIRE_S)  # a list that was empty is a new key, without expiry
        time.sleep(int(job_ms) / 1000)  # the job
        with connection.pipeline(transaction=True) as finished:  # count and remove the job atomically
            finished.lrem(STARTED, 1, job_ms)
            finished.incr(DONE)
            finished.expire(DONE, EXPIRE_S)
            finished.execute()


if __name__ == "__main__":
    with redis.Redis.from_url(URL, decode_responses=True, socket_timeout=None) as own:  # it waits for jobs
        work(own, int(sys.argv[1]))
