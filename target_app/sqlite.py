"""A SQLite database, every way: reading is quick and parallel, writing is one at a time whoever waits for it.

sqlite3 lets go of the interpreter's lock while it works, so threads do use several cores. aiosqlite is a thread per
connection behind an async face: requests that share a connection queue for its thread.
"""

import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import aiosqlite
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel

BOOKS = 20_000
BUSY_S = 30.0
"""How long a writer waits for another to finish before it gives up with "database is locked"."""

SEARCH = "SELECT count(*) FROM books WHERE title LIKE '%42%'"
FOUND = sum("42" in str(number) for number in range(BOOKS))
INSERT = "INSERT INTO notes (text) VALUES ('read again')"


class Found(BaseModel):
    """How many titles matched."""

    found: int


class Written(BaseModel):
    """The new row."""

    row: int


class Receipt(BaseModel):
    """Every note this process answered for, and those that are in the database."""

    written: int
    stored: int
    lost: int


class Database:
    """One file for this process, made when first asked for, removed with the app."""

    def __init__(self) -> None:
        self.written = 0
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._shared: aiosqlite.Connection | None = None

    @cached_property
    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """Holds the file, the write-ahead log and nothing else."""
        return tempfile.TemporaryDirectory(prefix="target-app-sqlite-")

    @cached_property
    def _path(self) -> Path:
        path = Path(self.folder.name) / "library.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode=WAL")  # readers and the one writer do not wait for each other
            connection.execute("CREATE TABLE books (title TEXT)")
            connection.execute("CREATE TABLE notes (text TEXT)")
            connection.executemany("INSERT INTO books VALUES (?)", ((f"book {number}",) for number in range(BOOKS)))
        return path

    @property
    def path(self) -> Path:
        """The file, with its tables. The first to ask makes it, the others wait."""
        with self._lock:
            return self._path

    @property
    def of_thread(self) -> sqlite3.Connection:
        """One connection a thread, which ends with it: sqlite3 refuses one that another thread has made."""
        if not hasattr(self._threads, "own"):
            self._threads.own = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        own: sqlite3.Connection = self._threads.own
        return own

    async def shared(self) -> aiosqlite.Connection:
        """The one connection all coroutines share, with the one thread behind it."""
        if self._shared is None:
            made = await aiosqlite.connect(self.path, timeout=BUSY_S, isolation_level=None)
            if self._shared is not None:  # somebody else was quicker while we waited
                await made.close()
            else:
                self._shared = made
        return self._shared

    def count(self) -> None:
        """One more that was answered for, from whichever thread."""
        with self._lock:
            self.written += 1

    async def close(self) -> None:
        """Remove everything, if there is anything."""
        if self._shared is not None:
            await self._shared.close()
        if "folder" in self.__dict__:
            self.folder.cleanup()


class State(TypedDict):
    """What the endpoints find in `request.state`."""

    database: Database


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[State]:
    """The database lives as long as the app."""
    database = Database()
    yield {"database": database}
    await database.close()


router = APIRouter(prefix="/sqlite", tags=["sqlite"], lifespan=lifespan)


def search(connection: sqlite3.Connection) -> Found:
    """Read every title: milliseconds of C code."""
    (found,) = connection.execute(SEARCH).fetchone()
    return Found(found=found)


def write(database: Database) -> Written:
    """Insert one row and wait until it is stored."""
    row = database.of_thread.execute(INSERT).lastrowid
    database.count()
    return Written(row=row or 0)


@router.get("/read-def")
def read_def(request: Request) -> Found:
    """sqlite3 in plain def: threads read side by side."""
    return search(request.state.database.of_thread)


@router.get("/read-async")
async def read_async(request: Request) -> Found:
    """The mistake: sqlite3 in async def. Short as the query is, everybody waits for it."""
    return search(request.state.database.of_thread)  # blocks the event loop


@router.get("/read-aiosqlite")
async def read_aiosqlite(request: Request) -> Found:
    """aiosqlite, one connection for all: the loop is free, and the queries stand in line for one thread."""
    connection = await request.state.database.shared()
    async with connection.execute(SEARCH) as cursor:
        (found,) = await cursor.fetchone()
    return Found(found=found)


@router.get("/read-aiosqlite-per-request")
async def read_aiosqlite_per_request(request: Request) -> Found:
    """aiosqlite, a connection a request: a thread is started and a file opened each time."""
    async with aiosqlite.connect(request.state.database.path) as connection, connection.execute(SEARCH) as cursor:
        row = await cursor.fetchone()
    return Found(found=row[0] if row else 0)


@router.post("/write-def")
def write_def(request: Request) -> Written:
    """Threads that write queue for the file's lock, and each of them holds one of the forty while it waits."""
    return write(request.state.database)


@router.post("/write-async")
async def write_async(request: Request) -> Written:
    """The mistake, which for one writer looks best: nobody to queue with. The loop waits for the disk instead."""
    return write(request.state.database)  # blocks the event loop


@router.post("/write-aiosqlite")
async def write_aiosqlite(request: Request) -> Written:
    """One connection, one writer: the queue is in memory, not at the file's lock."""
    database = request.state.database
    cursor = await (await database.shared()).execute(INSERT)
    database.count()
    return Written(row=cursor.lastrowid or 0)


@router.get("/receipt")
def receipt(request: Request) -> Receipt:
    """Whether what was answered for is stored."""
    database: Database = request.state.database
    (stored,) = database.of_thread.execute("SELECT count(*) FROM notes").fetchone()
    return Receipt(written=database.written, stored=stored, lost=database.written - stored)
