"""A real queue (after 001 and 004): the endpoint puts the job into Redis, and a worker process does it.

The worker atomically moves each job from the queue to a second list while it works, so that a kill loses none: the next
worker repeats an unfinished job. (A job may then be done twice, but never not at all.) RQ, which both documents name,
does the same with more features and is measured beside it.
"""

import asyncio
import multiprocessing
import os
import secrets
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from typing import Any

import redis
import redis.asyncio
import rq
from fastapi import APIRouter, Request
from pydantic import BaseModel

from .background import DEFAULT_MS, Accepted, JobMs
from .lifespan import keep
from .queue_job import compute_for

URL = os.environ.get("LOOPBENCH_REDIS_URL", "redis://127.0.0.1:1/0")
NAME_VARIABLE = "TARGET_APP_QUEUE"
"""Environment variable with the queue's name, to find the jobs again after a restart; by default each start has a new
queue."""

NAME = os.environ.get(NAME_VARIABLE, secrets.token_hex(8))
KEY = f"loopbench:jobs:{NAME}"
WAITING, STARTED, ACCEPTED, DONE = (f"{KEY}:{part}" for part in ("waiting", "started", "accepted", "done"))

EXPIRE_S = 3_600
"""Keys expire after this time, so that nothing stays in a user's own Redis."""


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
        self._workers: dict[str, subprocess.Popen[bytes]] = {}
        self.of_rq = rq.Queue(f"loopbench-{NAME}", connection=redis.Redis.from_url(URL))

    @cached_property
    def pool(self) -> ProcessPoolExecutor:
        """As many processes as workers (one), for requests that wait for their job."""
        return ProcessPoolExecutor(1, multiprocessing.get_context("forkserver"))

    def ensure_worker(self) -> None:
        """Start our worker process if none runs. It ends with the app. In production a supervisor does this."""
        self._ensure("own", [__name__, str(os.getpid())], {NAME_VARIABLE: NAME})

    def ensure_rq_worker(self) -> None:
        """Start RQ's own worker if none runs. It gets the URL in the environment, because the URL has a password."""
        folders = os.pathsep.join(filter(None, sys.path))
        command = ["rq.cli", "worker", "--quiet", self.of_rq.name]
        self._ensure("rq", command, {"RQ_REDIS_URL": URL, "PYTHONPATH": folders})

    def _ensure(self, kind: str, module: list[str], env: dict[str, str]) -> None:
        with self._lock:  # two threads could start two workers
            worker = self._workers.get(kind)
            if worker is None or worker.poll() is not None:
                command = [sys.executable, "-m", *module]
                self._workers[kind] = subprocess.Popen(command, env=os.environ | env)

    async def close(self) -> None:
        """End the workers, if there are any, and close the connections."""
        for worker in self._workers.values():
            worker.terminate()
            await asyncio.to_thread(worker.wait)
        if "pool" in self.__dict__:
            await asyncio.to_thread(self.pool.shutdown, cancel_futures=True)
        self.of_rq.connection.close()
        self.blocking.close()
        await self.asynchronous.aclose()


router = APIRouter(prefix="/queue", tags=["background"], lifespan=keep("queue", Queue))


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


@router.post("/rq")
def enqueue_rq(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """RQ, in plain def: its client is a sync one."""
    queue: Queue = request.state.queue
    queue.of_rq.enqueue(compute_for, job_ms, result_ttl=EXPIRE_S)
    queue.blocking.incr(ACCEPTED)
    queue.blocking.expire(ACCEPTED, EXPIRE_S)
    queue.ensure_rq_worker()
    return Accepted()


@router.post("/in-the-request")
async def in_the_request(request: Request, job_ms: JobMs = DEFAULT_MS) -> Accepted:
    """For comparison, without a queue: a process does the job, and the client waits for it."""
    queue: Queue = request.state.queue
    await asyncio.get_running_loop().run_in_executor(queue.pool, compute_for, job_ms)
    async with queue.asynchronous.pipeline(transaction=True) as counted:
        for key in (ACCEPTED, DONE):
            counted.incr(key)
            counted.expire(key, EXPIRE_S)
        await counted.execute()
    return Accepted()


@router.get("/receipt")
async def receipt(request: Request) -> Receipt:
    """Return Redis's counts of accepted and finished jobs. A dead worker is restarted."""
    queue: Queue = request.state.queue
    queue.ensure_worker()
    accepted, done = (int(count or 0) for count in await queue.asynchronous.mget(ACCEPTED, DONE))
    done += await asyncio.to_thread(queue.of_rq.finished_job_registry.get_job_count)
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
        compute_for(int(job_ms))
        with connection.pipeline(transaction=True) as finished:  # count and remove the job atomically
            finished.lrem(STARTED, 1, job_ms)
            finished.incr(DONE)
            finished.expire(DONE, EXPIRE_S)
            finished.execute()


if __name__ == "__main__":
    with redis.Redis.from_url(URL, decode_responses=True, socket_timeout=None) as own:  # it waits for jobs
        work(own, int(sys.argv[1]))
