"""A real queue (after 001 and 004): the endpoint hands the job to Redis, a worker process does it.

The worker moves each job from the queue to a list of its own while it works, in one step, so that a kill between the
two loses none: what was begun and not finished is begun again by the next worker. (A job may then be done twice, never
not at all.) Celery, RQ and Dramatiq do the same with more comfort.
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
"""Names the queue, for an app that is to find its jobs again; without it every start has a new one."""

NAME = os.environ.get(NAME_VARIABLE, secrets.token_hex(8))
KEY = f"loopbench:jobs:{NAME}"
WAITING, STARTED, ACCEPTED, DONE = (f"{KEY}:{part}" for part in ("waiting", "started", "accepted", "done"))

DEFAULT_MS = 100
EXPIRE_S = 3_600
"""Whatever is left in somebody's own Redis goes by itself."""

JobMs = Annotated[int, Query(ge=0, le=60_000, description="Milliseconds the job takes the worker.")]


class Accepted(BaseModel):
    """What the client is told before anything is done."""

    status: str = "queued"


class Receipt(BaseModel):
    """What came of what was accepted."""

    accepted: int
    done: int
    backlog: int
    idle: bool


class Queue:
    """Connections to Redis, made when first used, and the worker."""

    def __init__(self) -> None:
        self.blocking = redis.Redis.from_url(URL, decode_responses=True)  # for threads
        self.asynchronous = redis.asyncio.Redis.from_url(URL)  # for coroutines
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def ensure_worker(self) -> None:
        """A process of its own, started again if it died, ended with the app. In production others do that."""
        with self._lock:  # two threads at once would start two
            if self._worker is None or self._worker.poll() is not None:
                command = [sys.executable, "-m", __name__, str(os.getpid())]
                self._worker = subprocess.Popen(command, env=os.environ | {NAME_VARIABLE: NAME})

    async def close(self) -> None:
        """End the worker, if there is one, and hang up."""
        if self._worker is not None:
            self._worker.terminate()
            self._worker.wait()
        self.blocking.close()
        await self.asynchronous.aclose()


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    queue: Queue


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The connections live as long as the app; the jobs live longer."""
    queue = Queue()
    yield {"queue": queue}
    await queue.close()


router = APIRouter(prefix="/queue", tags=["background"], lifespan=lifespan)


def put(pipeline: redis.client.Pipeline | redis.asyncio.client.Pipeline, job_ms: int) -> None:
    """The commands that hand a job over, in one step."""
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
    """The mistake: the sync client in async def. It goes unnoticed until Redis is slow, or far away."""
    queue: Queue = request.state.queue
    with queue.blocking.pipeline(transaction=True) as both:
        put(both, job_ms)
        both.execute()  # blocks the event loop
    queue.ensure_worker()
    return Accepted()


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """What Redis says was accepted, and what the worker finished. A worker that died is started again."""
    queue: Queue = request.state.queue
    queue.ensure_worker()
    accepted, done = (int(count or 0) for count in await queue.asynchronous.mget(ACCEPTED, DONE))
    return Receipt(accepted=accepted, done=done, backlog=accepted - done, idle=accepted == done)


def work(connection: redis.Redis, app_pid: int) -> None:
    """The worker: one job after the other, for as long as the app that started it lives."""
    while connection.lmove(STARTED, WAITING, "RIGHT", "RIGHT") is not None:
        pass  # what the last worker had begun is to be done first
    while os.getppid() == app_pid:
        job_ms: Any = connection.blmove(WAITING, STARTED, timeout=1, src="RIGHT", dest="LEFT")
        if job_ms is None:
            continue
        connection.expire(STARTED, EXPIRE_S)  # a list that was empty is a new key, without an end
        time.sleep(int(job_ms) / 1000)  # the job
        with connection.pipeline(transaction=True) as finished:  # done, in one step with being forgotten
            finished.lrem(STARTED, 1, job_ms)
            finished.incr(DONE)
            finished.expire(DONE, EXPIRE_S)
            finished.execute()


if __name__ == "__main__":
    with redis.Redis.from_url(URL, decode_responses=True, socket_timeout=None) as own:  # it waits for jobs
        work(own, int(sys.argv[1]))
