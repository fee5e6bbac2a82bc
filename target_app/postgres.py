"""A PostgreSQL database, every way, with pools of equal size (after 003 and 004 on drivers, 001 on pools).

The query takes T in the server and no time here, so a pool of ten serves 10/T, whoever waits for it; one blocked loop
serves 1/T. It reads nothing and changes nothing: it may be pointed at a database of one's own.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

import asyncpg  # type: ignore[import-untyped]
import psycopg
from anyio import Lock
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as NoneFreeError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

URL = os.environ.get("LOOPBENCH_POSTGRES_URL", "postgresql://127.0.0.1:1/none")
POOL_SIZE = 10
"""Of every pool alike. Left alone, psycopg's has 4 connections, asyncpg's 10, SQLAlchemy's 5 and 10 in reserve."""

PATIENCE_S = 1.0
"""How long the routes under /pool wait for a connection. psycopg's 30 s is long enough to look like a hang."""

DEFAULT_MS = 50
WaitMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds the query takes.")]

PSYCOPG_QUERY = "SELECT 'book ' || %s AS title FROM pg_sleep(%s)"
ASYNCPG_QUERY = "SELECT 'book ' || $1::text AS title FROM pg_sleep($2)"
SQLALCHEMY_QUERY = text("SELECT 'book ' || :number AS title FROM pg_sleep(:seconds)")


class Book(BaseModel):
    """What the database answered."""

    title: str


class Health(BaseModel):
    """What a load balancer wants to hear."""

    status: str = "ok"


class Receipt(BaseModel):
    """What came of the requests that wanted a connection (the routes under /pool)."""

    finished: int
    gave_up: int


def sqlalchemy_url(driver: str) -> str:
    """The same address, in SQLAlchemy's words."""
    return f"postgresql+{driver}://{URL.partition('://')[2]}"


class Pools:
    """Every pool, connected when first asked for: a run connects with the driver it measures."""

    def __init__(self) -> None:
        self.finished = 0
        self.gave_up = 0
        self.engine = create_engine(sqlalchemy_url("psycopg"), pool_size=POOL_SIZE, max_overflow=0)
        self.impatient_engine = create_engine(
            sqlalchemy_url("psycopg"), pool_size=POOL_SIZE, max_overflow=0, pool_timeout=PATIENCE_S
        )
        self.async_engine = create_async_engine(sqlalchemy_url("asyncpg"), pool_size=POOL_SIZE, max_overflow=0)
        self._blocking = ConnectionPool(URL, min_size=POOL_SIZE, max_size=POOL_SIZE, open=False)
        self._lock = Lock()
        self._of_psycopg: AsyncConnectionPool | None = None
        self._of_asyncpg: asyncpg.Pool | None = None

    def blocking(self) -> ConnectionPool:
        """That of psycopg, for threads."""
        self._blocking.open()  # does nothing if it is open, whichever thread was first
        return self._blocking

    async def of_psycopg(self) -> AsyncConnectionPool:
        """That of psycopg, for coroutines."""
        if self._of_psycopg is None:
            async with self._lock:
                if self._of_psycopg is None:
                    pool = AsyncConnectionPool(URL, min_size=POOL_SIZE, max_size=POOL_SIZE, open=False)
                    await pool.open()
                    self._of_psycopg = pool
        return self._of_psycopg

    async def of_asyncpg(self) -> asyncpg.Pool:
        """That of asyncpg."""
        if self._of_asyncpg is None:
            async with self._lock:
                if self._of_asyncpg is None:
                    self._of_asyncpg = await asyncpg.create_pool(URL, min_size=POOL_SIZE, max_size=POOL_SIZE)
        return self._of_asyncpg

    async def close(self) -> None:
        """End every connection, if there are any."""
        if self._of_psycopg is not None:
            await self._of_psycopg.close()
        if self._of_asyncpg is not None:
            self._of_asyncpg.terminate()  # `close` would wait for queries whose users have gone
        self._blocking.close()
        self.engine.dispose()
        self.impatient_engine.dispose()
        await self.async_engine.dispose()


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    pools: Pools


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The pools live as long as the app."""
    pools = Pools()
    yield {"pools": pools}
    await pools.close()


router = APIRouter(tags=["postgres"], lifespan=lifespan)


@router.get("/health")
async def health() -> Health:
    """The health check of 004's war story: it touches nothing, and dies with the loop."""
    return Health()


def read(pool: ConnectionPool, wait_ms: int) -> Book:
    """One query through a pool that blocks."""
    with pool.connection() as connection:
        row = connection.execute(PSYCOPG_QUERY, ("42", wait_ms / 1000)).fetchone()
    return Book(title=row[0] if row else "")


async def query(connection: psycopg.AsyncConnection, wait_ms: int) -> Book:
    """One query that lets others have the loop."""
    row = await (await connection.execute(PSYCOPG_QUERY, ("42", wait_ms / 1000))).fetchone()
    return Book(title=row[0] if row else "")


# Which driver, and who waits for it


@router.get("/postgres/def-psycopg")
def def_psycopg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """A sync driver in plain def: threads wait, forty at most, ten with a connection."""
    return read(request.state.pools.blocking(), wait_ms)


@router.get("/postgres/async-psycopg-sync")
async def async_psycopg_sync(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The mistake of 004's war story: the sync driver in async def. Health checks time out first."""
    return read(request.state.pools.blocking(), wait_ms)  # blocks the event loop


@router.get("/postgres/async-psycopg")
async def async_psycopg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The async pool of psycopg: the loop waits for ten connections at once."""
    pool = await request.state.pools.of_psycopg()
    async with pool.connection() as connection:
        return await query(connection, wait_ms)


@router.get("/postgres/asyncpg")
async def async_asyncpg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """asyncpg: its own protocol code, compiled, and no transaction where psycopg and SQLAlchemy begin one unasked."""
    pool = await request.state.pools.of_asyncpg()
    async with pool.acquire() as connection:
        return Book(title=await connection.fetchval(ASYNCPG_QUERY, "42", wait_ms / 1000))


# SQLAlchemy, as people use it: a session a request, from a dependency


def find(session: Session, wait_ms: int) -> Book:
    """One query through a session that blocks."""
    return Book(title=session.execute(SQLALCHEMY_QUERY, {"number": "42", "seconds": wait_ms / 1000}).scalar_one())


def session(request: Request) -> Iterator[Session]:
    """A session of the sync engine. A plain def dependency: FastAPI opens and closes it in threads."""
    with Session(request.state.pools.engine) as opened:
        yield opened


async def async_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session of the async engine."""
    async with AsyncSession(request.state.pools.async_engine) as opened:
        yield opened


@router.get("/postgres/def-sqlalchemy")
def def_sqlalchemy(session: Annotated[Session, Depends(session)], wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The sync session in plain def."""
    return find(session, wait_ms)


@router.get("/postgres/async-sqlalchemy-sync")
async def async_sqlalchemy_sync(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The mistake 003 warns of: "standard SQLAlchemy" in async def. From a dependency it is worse: see /pool."""
    with Session(request.state.pools.engine) as session:
        return find(session, wait_ms)  # blocks the event loop


@router.get("/postgres/async-sqlalchemy")
async def async_sqlalchemy(
    session: Annotated[AsyncSession, Depends(async_session)], wait_ms: WaitMs = DEFAULT_MS
) -> Book:
    """The async session in async def."""
    found = await session.execute(SQLALCHEMY_QUERY, {"number": "42", "seconds": wait_ms / 1000})
    return Book(title=found.scalar_one())


# A pool that is too small for the way it is used


@asynccontextmanager
async def patiently(pools: Pools) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection, or after a second the answer that there is none."""
    pool = await pools.of_psycopg()
    try:
        async with pool.connection(timeout=PATIENCE_S) as connection:
            yield connection
    except PoolTimeout:
        pools.gave_up += 1
        raise HTTPException(503, f"no connection within {PATIENCE_S:g} s") from None


async def held_connection(request: Request) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection for as long as the request lives, "so that every function has one"."""
    async with patiently(request.state.pools) as connection:
        yield connection


Held = Annotated[psycopg.AsyncConnection, Depends(held_connection)]


@router.get("/pool/one-more")
async def one_more(request: Request, held: Held, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The mistake: hold one connection, want one more. With as many users as connections all hold one and wait."""
    await query(held, 0)
    async with patiently(request.state.pools) as another:
        book = await query(another, wait_ms)
    request.state.pools.finished += 1
    return book


@router.get("/pool/same-one")
async def same_one(request: Request, held: Held, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """Right: the connection that is there is passed on."""
    await query(held, 0)
    book = await query(held, wait_ms)
    request.state.pools.finished += 1
    return book


@router.get("/pool/late-one")
async def late_one(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """Right: take a connection when it is needed, give it back before anything else is wanted."""
    async with patiently(request.state.pools) as connection:
        await query(connection, 0)
    async with patiently(request.state.pools) as connection:
        book = await query(connection, wait_ms)
    request.state.pools.finished += 1
    return book


def small_session(request: Request) -> Iterator[Session]:
    """As `session`, from a pool that does not wait for ever."""
    with Session(request.state.pools.impatient_engine) as opened:
        yield opened


@router.get("/pool/session-dependency")
async def session_dependency(
    request: Request, session: Annotated[Session, Depends(small_session)], wait_ms: WaitMs = DEFAULT_MS
) -> Book:
    """The mistake that stands still: a sync session from a dependency, in async def.

    FastAPI closes the session in a thread, once the loop gets round to it; but the loop is in here, waiting for a
    connection that only a closed session gives back.
    """
    try:
        book = find(session, wait_ms)  # blocks the event loop, with SQLAlchemy's own pool_timeout for 30 s
    except NoneFreeError:
        request.state.pools.gave_up += 1
        raise HTTPException(503, f"no connection within {PATIENCE_S:g} s") from None
    request.state.pools.finished += 1
    return book


@router.get("/pool/receipt")
async def receipt(request: Request) -> Receipt:
    """How many requests got what they wanted, and how often one waited for a connection in vain."""
    return Receipt(finished=request.state.pools.finished, gave_up=request.state.pools.gave_up)
