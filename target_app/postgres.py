"""PostgreSQL in every style, with pools of equal size (after 003 and 004 on drivers, 001 on pools).

The query takes T in the server and no time here, so a pool of ten serves 10/T in any style that does not block the
loop; a blocked loop serves 1/T. The query reads and changes no data, so any database can be used.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg  # type: ignore[import-untyped]
import psycopg
from anyio import CapacityLimiter, Lock, fail_after
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as NoneFreeError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from .lifespan import keep

URL = os.environ.get("LOOPBENCH_POSTGRES_URL", "postgresql://127.0.0.1:1/none")
POOL_SIZE = int(os.environ.get("TARGET_APP_POOL_SIZE", "10"))
"""Size of every pool. Defaults: 4 connections in psycopg, 10 in asyncpg, 5 plus 10 overflow in SQLAlchemy."""

PATIENCE_S = 1.0
"""How long the routes under /pool wait for a connection. psycopg's default of 30 s looks like a hang."""

DEFAULT_MS = 50
WaitMs = Annotated[int, Query(ge=0, le=10_000, description="Milliseconds that the query takes.")]

PSYCOPG_QUERY = "SELECT 'book ' || %s AS title FROM pg_sleep(%s)"
ASYNCPG_QUERY = "SELECT 'book ' || $1::text AS title FROM pg_sleep($2)"
SQLALCHEMY_QUERY = text("SELECT 'book ' || :number AS title FROM pg_sleep(:seconds)")


class Book(BaseModel):
    """The database's answer."""

    title: str


class Health(BaseModel):
    """The answer for a load balancer."""

    status: str = "ok"


class Receipt(BaseModel):
    """The counts of the requests that needed a connection (the routes under /pool)."""

    finished: int
    gave_up: int


def sqlalchemy_url(driver: str) -> str:
    """Return the database's address in SQLAlchemy's format."""
    return f"postgresql+{driver}://{URL.partition('://')[2]}"


class Pools:
    """All pools, connected at first use, so that a run connects only with the driver it measures."""

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
        """Return psycopg's pool for threads."""
        self._blocking.open()  # does nothing if another thread has opened it
        return self._blocking

    async def of_psycopg(self) -> AsyncConnectionPool:
        """Return psycopg's pool for coroutines."""
        if self._of_psycopg is None:
            async with self._lock:
                if self._of_psycopg is None:
                    pool = AsyncConnectionPool(URL, min_size=POOL_SIZE, max_size=POOL_SIZE, open=False)
                    await pool.open()
                    self._of_psycopg = pool
        return self._of_psycopg

    async def of_asyncpg(self) -> asyncpg.Pool:
        """Return asyncpg's pool."""
        if self._of_asyncpg is None:
            async with self._lock:
                if self._of_asyncpg is None:
                    self._of_asyncpg = await asyncpg.create_pool(URL, min_size=POOL_SIZE, max_size=POOL_SIZE)
        return self._of_asyncpg

    async def close(self) -> None:
        """Close every open connection."""
        if self._of_psycopg is not None:
            await self._of_psycopg.close()
        if self._of_asyncpg is not None:
            self._of_asyncpg.terminate()  # `close` would wait for queries of disconnected users
        self._blocking.close()
        self.engine.dispose()
        self.impatient_engine.dispose()
        await self.async_engine.dispose()


router = APIRouter(tags=["postgres"], lifespan=keep("pools", Pools))


@router.get("/health")
async def health() -> Health:
    """The health check of 004's incident: it needs no resource, but fails when the loop is blocked."""
    return Health()


def read(pool: ConnectionPool, wait_ms: int) -> Book:
    """Run one query through a blocking pool."""
    with pool.connection() as connection:
        row = connection.execute(PSYCOPG_QUERY, ("42", wait_ms / 1000)).fetchone()
    return Book(title=row[0] if row else "")


async def query(connection: psycopg.AsyncConnection, wait_ms: int) -> Book:
    """Run one query; the loop is free meanwhile."""
    row = await (await connection.execute(PSYCOPG_QUERY, ("42", wait_ms / 1000))).fetchone()
    return Book(title=row[0] if row else "")


# Drivers, in plain def and in async def


@router.get("/postgres/def-psycopg")
def def_psycopg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """A sync driver in plain def: at most forty threads wait, ten of them with a connection."""
    return read(request.state.pools.blocking(), wait_ms)


@router.get("/postgres/async-psycopg-sync")
async def async_psycopg_sync(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The mistake of 004's incident: the sync driver in async def. Health checks time out first."""
    return read(request.state.pools.blocking(), wait_ms)  # blocks the event loop


@router.get("/postgres/async-psycopg")
async def async_psycopg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The async pool of psycopg: the loop waits for ten connections at once."""
    pool = await request.state.pools.of_psycopg()
    async with pool.connection() as connection:
        return await query(connection, wait_ms)


@router.get("/postgres/asyncpg")
async def async_asyncpg(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """asyncpg: compiled protocol code, and no implicit transaction as in psycopg and SQLAlchemy."""
    pool = await request.state.pools.of_asyncpg()
    async with pool.acquire() as connection:
        return Book(title=await connection.fetchval(ASYNCPG_QUERY, "42", wait_ms / 1000))


# SQLAlchemy as commonly used: one session per request, from a dependency


def find(session: Session, wait_ms: int) -> Book:
    """Run one query through a blocking session."""
    return Book(title=session.execute(SQLALCHEMY_QUERY, {"number": "42", "seconds": wait_ms / 1000}).scalar_one())


def session(request: Request) -> Iterator[Session]:
    """A session of the sync engine, from a plain def dependency, which FastAPI opens and closes in threads."""
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
    """The mistake that 003 warns of: "standard SQLAlchemy" in async def. From a dependency it is worse: see /pool."""
    with Session(request.state.pools.engine) as session:
        return find(session, wait_ms)  # blocks the event loop


@router.get("/postgres/async-sqlalchemy")
async def async_sqlalchemy(
    session: Annotated[AsyncSession, Depends(async_session)], wait_ms: WaitMs = DEFAULT_MS
) -> Book:
    """The async session in async def."""
    found = await session.execute(SQLALCHEMY_QUERY, {"number": "42", "seconds": wait_ms / 1000})
    return Book(title=found.scalar_one())


# A pool that is too small for its use


@asynccontextmanager
async def patiently(pools: Pools) -> AsyncIterator[psycopg.AsyncConnection]:
    """Yield a connection, or answer 503 if there is none after PATIENCE_S."""
    pool = await pools.of_psycopg()
    try:
        async with pool.connection(timeout=PATIENCE_S) as connection:
            yield connection
    except PoolTimeout:
        pools.gave_up += 1
        raise HTTPException(503, f"no connection within {PATIENCE_S:g} s") from None


async def held_connection(request: Request) -> AsyncIterator[psycopg.AsyncConnection]:
    """Hold a connection for the whole request, "so that every function has one"."""
    async with patiently(request.state.pools) as connection:
        yield connection


Held = Annotated[psycopg.AsyncConnection, Depends(held_connection)]


@router.get("/pool/one-more")
async def one_more(request: Request, held: Held, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """The mistake: hold one connection and take another. With as many users as connections, all wait for ever."""
    await query(held, 0)
    async with patiently(request.state.pools) as another:
        book = await query(another, wait_ms)
    request.state.pools.finished += 1
    return book


@router.get("/pool/same-one")
async def same_one(request: Request, held: Held, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """Right: pass the held connection on."""
    await query(held, 0)
    book = await query(held, wait_ms)
    request.state.pools.finished += 1
    return book


in_pool = CapacityLimiter(POOL_SIZE)  # one for the process, like the pool


@asynccontextmanager
async def a_turn(pools: Pools) -> AsyncIterator[None]:
    """Let as many requests as connections in at a time, or answer 503 to one that has waited PATIENCE_S."""
    try:
        with fail_after(PATIENCE_S):
            await in_pool.acquire()
    except TimeoutError:
        pools.gave_up += 1
        raise HTTPException(503, f"no turn within {PATIENCE_S:g} s") from None
    try:
        yield
    finally:
        in_pool.release()


@router.get("/pool/limited")
async def limited(request: Request, wait_ms: WaitMs = DEFAULT_MS) -> Book:
    """As many requests as connections at a time: the others wait as long for a turn as they would for the pool."""
    async with a_turn(request.state.pools), patiently(request.state.pools) as connection:
        book = await query(connection, wait_ms)
    request.state.pools.finished += 1
    return book


def small_session(request: Request) -> Iterator[Session]:
    """Like `session`, from a pool with a short timeout."""
    with Session(request.state.pools.impatient_engine) as opened:
        yield opened


@router.get("/pool/session-dependency")
async def session_dependency(
    request: Request, session: Annotated[Session, Depends(small_session)], wait_ms: WaitMs = DEFAULT_MS
) -> Book:
    """The mistake that deadlocks: a sync session from a dependency, in async def.

    FastAPI closes sessions in a thread, which the loop must start. But the loop is blocked here, waiting for a
    connection that only a closed session returns.
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
    """Return how many requests finished, and how many got no connection."""
    return Receipt(finished=request.state.pools.finished, gave_up=request.state.pools.gave_up)
