"""SQLite in every style: reads are quick and parallel, writes are one at a time in any style.

sqlite3 releases the GIL while it works, so threads do use several cores. aiosqlite runs one thread per connection
behind an async interface: requests that share a connection queue for its thread.
"""

import sqlite3
import tempfile
import threading
from contextlib import closing
from functools import cached_property
from pathlib import Path

import aiosqlite
from fastapi import APIRouter, Request
from pydantic import BaseModel

from .lifespan import keep

BOOKS = 20_000
BUSY_S = 30.0
"""How long a writer waits for another before it fails with "database is locked"."""

SEARCH = "SELECT count(*) FROM books WHERE title LIKE '%42%'"
FOUND = sum("42" in str(number) for number in range(BOOKS))
INSERT = "INSERT INTO notes (text) VALUES ('read again')"


class Found(BaseModel):
    """The number of matching titles."""

    found: int


class Written(BaseModel):
    """The new row."""

    row: int


class Receipt(BaseModel):
    """The number of notes that this process confirmed, and of those in the database."""

    written: int
    stored: int
    lost: int


class Database:
    """The database file of this process, created at first use and removed with the app."""

    def __init__(self) -> None:
        self.written = 0
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._shared: aiosqlite.Connection | None = None

    @cached_property
    def folder(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for the file and its write-ahead log only."""
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
        """The file with its tables. The first access creates it, and others wait."""
        with self._lock:
            return self._path

    @property
    def of_thread(self) -> sqlite3.Connection:
        """The connection of the current thread; sqlite3 refuses connections created in another thread."""
        if not hasattr(self._threads, "own"):
            self._threads.own = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        own: sqlite3.Connection = self._threads.own
        return own

    async def shared(self) -> aiosqlite.Connection:
        """Return the connection that all coroutines share, with its one thread."""
        if self._shared is None:
            made = await aiosqlite.connect(self.path, timeout=BUSY_S, isolation_level=None)
            if self._shared is not None:  # another coroutine created it meanwhile
                await made.close()
            else:
                self._shared = made
        return self._shared

    def count(self) -> None:
        """Count one confirmed note; safe from any thread."""
        with self._lock:
            self.written += 1

    async def close(self) -> None:
        """Remove the files, if there are any."""
        if self._shared is not None:
            await self._shared.close()
        if "folder" in self.__dict__:
            self.folder.cleanup()


router = APIRouter(prefix="/sqlite", tags=["sqlite"], lifespan=keep("database", Database))


def search(connection: sqlite3.Connection) -> Found:
    """Search every title: milliseconds of C code."""
    (found,) = connection.execute(SEARCH).fetchone()
    return Found(found=found)


def write(database: Database) -> Written:
    """Insert one row and wait until it is stored."""
    row = database.of_thread.execute(INSERT).lastrowid
    database.count()
    return Written(row=row or 0)


@router.get("/read-def")
def read_def(request: Request) -> Found:
    """sqlite3 in plain def: threads read in parallel."""
    return search(request.state.database.of_thread)


@router.get("/read-async")
async def read_async(request: Request) -> Found:
    """The mistake: sqlite3 in async def. The query is short, but all requests wait for it."""
    return search(request.state.database.of_thread)  # blocks the event loop


@router.get("/read-aiosqlite")
async def read_aiosqlite(request: Request) -> Found:
    """One aiosqlite connection for all: the loop is free, but the queries queue for one thread."""
    connection = await request.state.database.shared()
    async with connection.execute(SEARCH) as cursor:
        (found,) = await cursor.fetchone()
    return Found(found=found)


@router.get("/read-aiosqlite-per-request")
async def read_aiosqlite_per_request(request: Request) -> Found:
    """One aiosqlite connection per request: each starts a thread and opens the file."""
    async with aiosqlite.connect(request.state.database.path) as connection, connection.execute(SEARCH) as cursor:
        row = await cursor.fetchone()
    return Found(found=row[0] if row else 0)


@router.post("/write-def")
def write_def(request: Request) -> Written:
    """sqlite3 in plain def: writing threads queue for the file's lock, each holding one of the forty threads."""
    return write(request.state.database)


@router.post("/write-async")
async def write_async(request: Request) -> Written:
    """The mistake that looks best: there is no queue of writers, because the loop itself waits for the disk."""
    return write(request.state.database)  # blocks the event loop


@router.post("/write-aiosqlite")
async def write_aiosqlite(request: Request) -> Written:
    """One aiosqlite connection for all: the queue is in memory, not at the file's lock."""
    database = request.state.database
    cursor = await (await database.shared()).execute(INSERT)
    database.count()
    return Written(row=cursor.lastrowid or 0)


@router.get("/receipt")
def receipt(request: Request) -> Receipt:
    """Return how many notes were confirmed and how many are stored."""
    database: Database = request.state.database
    (stored,) = database.of_thread.execute("SELECT count(*) FROM notes").fetchone()
    return Receipt(written=database.written, stored=stored, lost=database.written - stored)
