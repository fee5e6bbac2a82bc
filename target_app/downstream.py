"""HTTP calls to another service in every style (after 001's semaphore, and 003 and 004 on `requests`).

The upstream service (target_app/services/upstream.py) takes T to answer and counts connections. The first routes make
one call per request, with different clients. The others make `calls` per request, in sequence or at once, which opens
different numbers of connections.
"""

import asyncio
import os
import secrets
import threading
from typing import Annotated

import httpx
import requests
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from .lifespan import keep

UPSTREAM = os.environ.get("LOOPBENCH_UPSTREAM_URL", "http://127.0.0.1:1")
CALLER = {"X-Caller": secrets.token_hex(8)}
"""The upstream keeps one set of counters per caller, so that each run of a session reads its own."""

TIMEOUT_S = 30.0
UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=None)
"""httpx allows 100 connections and keeps 20 by default. Without limits the style alone decides their number."""

LIMIT = 10
TEN_CONNECTIONS = httpx.Limits(max_connections=LIMIT)

DEFAULT_MS = 50
DEFAULT_CALLS = 10

WaitMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds that the upstream takes.")]
Calls = Annotated[int, Query(ge=1, le=100, description="Calls to the upstream for one request.")]


class Asked(BaseModel):
    """The sum of the upstream's answers, which proves that the endpoint waited for them."""

    answers: int
    waited_ms: int


class Clients:
    """The shared clients, created once, with their connections."""

    def __init__(self) -> None:
        self.asynchronous = httpx.AsyncClient(headers=CALLER, limits=UNLIMITED, timeout=TIMEOUT_S, trust_env=False)
        self.blocking = httpx.Client(headers=CALLER, limits=UNLIMITED, timeout=TIMEOUT_S, trust_env=False)
        self.of_ten = httpx.AsyncClient(headers=CALLER, limits=TEN_CONNECTIONS, timeout=TIMEOUT_S, trust_env=False)
        self._sessions = threading.local()

    @property
    def session(self) -> requests.Session:
        """A session of the current thread; `requests` does not guarantee that threads may share one."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = requests.Session()
            self._sessions.own.headers.update(CALLER)
            self._sessions.own.trust_env = False
        own: requests.Session = self._sessions.own
        return own

    async def close(self) -> None:
        """Close the shared clients."""
        await self.asynchronous.aclose()
        await self.of_ten.aclose()
        self.blocking.close()


router = APIRouter(tags=["downstream"], lifespan=keep("clients", Clients))


def address(wait_ms: int) -> str:
    """Return the upstream's URL for this delay."""
    return f"{UPSTREAM}/wait/{wait_ms}"


def one(answer: httpx.Response | requests.Response) -> Asked:
    """Return the result of one call."""
    answer.raise_for_status()
    return Asked(answers=1, waited_ms=answer.json()["waited_ms"])


def together(several: list[Asked]) -> Asked:
    """Return the result of several calls."""
    return Asked(answers=len(several), waited_ms=sum(each.waited_ms for each in several))


async def ask(client: httpx.AsyncClient, wait_ms: int) -> Asked:
    """Make one call; the loop is free while it waits."""
    return one(await client.get(address(wait_ms)))


# One call per request


@router.get("/downstream/shared-client")
async def shared_client(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """One async client from the lifespan: connections are kept, and the loop is free while the upstream works."""
    return await ask(request.state.clients.asynchronous, wait_ms)


@router.get("/downstream/client-per-request")
async def client_per_request(wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The mistake that looks tidy: every request creates a client with TLS settings and a new connection."""
    async with httpx.AsyncClient(headers=CALLER, timeout=TIMEOUT_S, trust_env=False) as client:
        return await ask(client, wait_ms)


@router.get("/downstream/def-requests")
def def_requests(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """`requests` in plain def: each call waits in a thread, at most forty at a time."""
    return one(request.state.clients.session.get(address(wait_ms), timeout=TIMEOUT_S))


@router.get("/downstream/def-httpx")
def def_httpx(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """A sync httpx client, which threads may share, in plain def."""
    return one(request.state.clients.blocking.get(address(wait_ms)))


@router.get("/downstream/async-requests")
async def async_requests(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The mistake: `requests` in async def. The whole app waits for the upstream, one call at a time."""
    return one(request.state.clients.session.get(address(wait_ms), timeout=TIMEOUT_S))  # blocks the event loop


@router.get("/downstream/async-httpx-sync")
async def async_httpx_sync(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The same mistake with httpx: only its async client is asynchronous, not the library as such."""
    return one(request.state.clients.blocking.get(address(wait_ms)))  # blocks the event loop


# Several calls per request


@router.get("/fan-out/sequential")
async def sequential(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """Await one call after the other: the loop is free, but this client waits for the sum."""
    client = request.state.clients.asynchronous
    return together([await ask(client, wait_ms) for _ in range(calls)])


@router.get("/fan-out/gather")
async def gather(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """All calls at once: the client waits for the slowest. It opens users times calls connections, without a limit."""
    client = request.state.clients.asynchronous
    return together(await asyncio.gather(*(ask(client, wait_ms) for _ in range(calls))))


semaphore = asyncio.Semaphore(LIMIT)
"""001's semaphore: one for the whole process. One per request would limit nothing."""


async def ask_politely(client: httpx.AsyncClient, wait_ms: int) -> Asked:
    """Make one of at most ten simultaneous calls."""
    async with semaphore:
        return await ask(client, wait_ms)


@router.get("/fan-out/gather-semaphore")
async def gather_semaphore(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """At most ten calls at a time in the whole process: the upstream is spared, and all users share 10/T."""
    client = request.state.clients.asynchronous
    return together(await asyncio.gather(*(ask_politely(client, wait_ms) for _ in range(calls))))


class Calling:
    """001's queue: every call waits in one queue, and ten workers make the calls."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[httpx.AsyncClient, int, asyncio.Future[Asked]]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []

    def ask(self, client: httpx.AsyncClient, wait_ms: int) -> asyncio.Future[Asked]:
        """Put one call into the queue, and return the future of its answer. The first call starts the workers."""
        if not self._workers:
            self._workers = [asyncio.create_task(self._work()) for _ in range(LIMIT)]
        answer: asyncio.Future[Asked] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((client, wait_ms, answer))
        return answer

    async def _work(self) -> None:
        while True:
            client, wait_ms, answer = await self._waiting.get()
            try:
                asked = await ask(client, wait_ms)
            except httpx.HTTPError as problem:
                if not answer.done():
                    answer.set_exception(problem)
            else:
                if not answer.done():  # its request may have been cancelled
                    answer.set_result(asked)


calling = Calling()


@router.get("/fan-out/queue")
async def queue(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """Ten workers take the calls from an `asyncio.Queue`: the same limit as the semaphore's."""
    client = request.state.clients.asynchronous
    return together(await asyncio.gather(*(calling.ask(client, wait_ms) for _ in range(calls))))


@router.get("/fan-out/gather-pool-of-ten")
async def gather_pool_of_ten(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """A gather without a limit of its own, through a client whose pool has ten connections: the pool is the ceiling."""
    client = request.state.clients.of_ten
    return together(await asyncio.gather(*(ask(client, wait_ms) for _ in range(calls))))


@router.get("/fan-out/task-group")
async def task_group(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """Like gather, but when one call fails the others are cancelled."""
    client = request.state.clients.asynchronous
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(client, wait_ms)) for _ in range(calls)]
    return together([task.result() for task in tasks])


@router.get("/downstream/receipt")
async def receipt(request: Request) -> dict[str, int]:
    """Return the upstream's counts for this process: requests, connections, and the maxima at once."""
    answer = await request.state.clients.asynchronous.get(f"{UPSTREAM}/counters/{CALLER['X-Caller']}")
    counters: dict[str, int] = answer.raise_for_status().json()
    return counters
