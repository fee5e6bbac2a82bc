"""Asking another service over HTTP, every way (after 001's semaphore, and 003 and 004 on `requests`).

The service downstream takes T to answer (target_app/services/upstream.py) and counts who connects. First one call a
request: which client, and who waits for it. Then `calls` of them a request: one after the other, or at once, and how
many connections that opens.
"""

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

import httpx
import requests
from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel

UPSTREAM = os.environ.get("LOOPBENCH_UPSTREAM_URL", "http://127.0.0.1:1")
CALLER = {"X-Caller": secrets.token_hex(8)}
"""The upstream keeps its counters by caller, so that each run of a session reads its own."""

TIMEOUT_S = 30.0
UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=None)
"""httpx allows 100 connections and keeps 20. Without limits the style alone decides how many there are."""

DEFAULT_MS = 50
DEFAULT_CALLS = 10

WaitMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds the upstream takes.")]
Calls = Annotated[int, Query(ge=1, le=100, description="Calls to the upstream for one request.")]


class Asked(BaseModel):
    """What the upstream said, all answers together: proof that somebody waited for them."""

    answers: int
    waited_ms: int


class Clients:
    """The clients that are shared: made once, with their connections."""

    def __init__(self) -> None:
        self.asynchronous = httpx.AsyncClient(headers=CALLER, limits=UNLIMITED, timeout=TIMEOUT_S, trust_env=False)
        self.blocking = httpx.Client(headers=CALLER, limits=UNLIMITED, timeout=TIMEOUT_S, trust_env=False)
        self._sessions = threading.local()

    @property
    def session(self) -> requests.Session:
        """One a thread, which ends with it: `requests` does not promise that threads may share one."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = requests.Session()
            self._sessions.own.headers.update(CALLER)
            self._sessions.own.trust_env = False
        own: requests.Session = self._sessions.own
        return own


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    clients: Clients


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The clients live as long as the app, on the loop that uses them."""
    clients = Clients()
    yield {"clients": clients}
    await clients.asynchronous.aclose()
    clients.blocking.close()


router = APIRouter(tags=["downstream"], lifespan=lifespan)


def address(wait_ms: int) -> str:
    """Where the upstream takes this long."""
    return f"{UPSTREAM}/wait/{wait_ms}"


def one(answer: httpx.Response | requests.Response) -> Asked:
    """The receipt of one call."""
    answer.raise_for_status()
    return Asked(answers=1, waited_ms=answer.json()["waited_ms"])


def together(several: list[Asked]) -> Asked:
    """The receipt of several calls."""
    return Asked(answers=len(several), waited_ms=sum(each.waited_ms for each in several))


async def ask(client: httpx.AsyncClient, wait_ms: int) -> Asked:
    """One call that lets others have the loop while it waits."""
    return one(await client.get(address(wait_ms)))


# One call a request


@router.get("/downstream/shared-client")
async def shared_client(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """One async client from the lifespan: connections are kept, the loop is free while the upstream thinks."""
    return await ask(request.state.clients.asynchronous, wait_ms)


@router.get("/downstream/client-per-request")
async def client_per_request(wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The mistake that looks tidy: every request builds a client, TLS settings and all, and connects anew."""
    async with httpx.AsyncClient(headers=CALLER, timeout=TIMEOUT_S, trust_env=False) as client:
        return await ask(client, wait_ms)


@router.get("/downstream/def-requests")
def def_requests(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """`requests` in plain def: each call waits in a thread, forty at a time."""
    return one(request.state.clients.session.get(address(wait_ms), timeout=TIMEOUT_S))


@router.get("/downstream/def-httpx")
def def_httpx(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """A sync client that threads may share, in plain def."""
    return one(request.state.clients.blocking.get(address(wait_ms)))


@router.get("/downstream/async-requests")
async def async_requests(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The mistake: `requests` in async def. The whole service waits for the upstream, one call at a time."""
    return one(request.state.clients.session.get(address(wait_ms), timeout=TIMEOUT_S))  # blocks the event loop


@router.get("/downstream/async-httpx-sync")
async def async_httpx_sync(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """The same mistake with httpx: it is not the library that is asynchronous but the client."""
    return one(request.state.clients.blocking.get(address(wait_ms)))  # blocks the event loop


# Several calls a request


@router.get("/fan-out/sequential")
async def sequential(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """Await after await: asynchronous for the others, but this client waits for the sum."""
    client = request.state.clients.asynchronous
    return together([await ask(client, wait_ms) for _ in range(calls)])


@router.get("/fan-out/gather")
async def gather(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """All at once: the client waits for the slowest. Users times calls connections, and nothing that says stop."""
    client = request.state.clients.asynchronous
    return together(await asyncio.gather(*(ask(client, wait_ms) for _ in range(calls))))


semaphore = asyncio.Semaphore(10)
"""001's: one for the whole process, not one a request, or it would limit nothing."""


async def ask_politely(client: httpx.AsyncClient, wait_ms: int) -> Asked:
    """One of at most ten calls at a time."""
    async with semaphore:
        return await ask(client, wait_ms)


@router.get("/fan-out/gather-semaphore")
async def gather_semaphore(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """All at once, but ten at a time: the upstream is spared, and 10/T is what everybody shares."""
    client = request.state.clients.asynchronous
    return together(await asyncio.gather(*(ask_politely(client, wait_ms) for _ in range(calls))))


@router.get("/fan-out/task-group")
async def task_group(request: Request, calls: Calls = DEFAULT_CALLS, wait_ms: WaitMs = DEFAULT_MS) -> Asked:
    """As gather, but when one call fails the others are cancelled, not forgotten."""
    client = request.state.clients.asynchronous
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(client, wait_ms)) for _ in range(calls)]
    return together([task.result() for task in tasks])


@router.get("/downstream/receipt")
async def receipt(request: Request) -> dict[str, int]:
    """What the upstream saw of this process: requests, connections, and how many of each at once."""
    answer = await request.state.clients.asynchronous.get(f"{UPSTREAM}/counters/{CALLER['X-Caller']}")
    counters: dict[str, int] = answer.raise_for_status().json()
    return counters
