"""An app with eight routes, two of them healthy; each other one has another reason to be slow."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()
DATABASE = Path(mkdtemp(prefix="eight-routes-"), "rows.sqlite3")
LOCK = threading.Lock()

with sqlite3.connect(DATABASE) as made:
    made.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT)")
    made.executemany("INSERT INTO rows (name) VALUES (?)", [(f"row {number}",) for number in range(100)])


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer at once."""
    return {"status": "ok"}


@app.get("/healthy")
async def healthy() -> dict[str, int]:
    """Do next to nothing."""
    return {"items": 3}


@app.get("/awaits")
async def awaits() -> dict[str, int]:
    """Wait for another service without blocking."""
    await asyncio.sleep(0.02)
    return {"items": 3}


@app.get("/client")
async def client() -> dict[str, int]:
    """Call another service with a client that blocks."""
    time.sleep(0.02)  # noqa: ASYNC251  as requests does
    return {"hits": 3}


@app.get("/rows")
async def rows() -> dict[str, int]:
    """Read from a database with a driver that blocks, and wait for its disk."""
    with sqlite3.connect(DATABASE) as connection:
        connection.create_function("slow", 0, lambda: time.sleep(0.01))
        (count,) = connection.execute("SELECT count(*), slow() FROM rows").fetchone()[:1]
    return {"rows": count}


@app.get("/pool")
def pool() -> dict[str, int]:
    """Wait in a thread, for longer than 40 threads allow."""
    time.sleep(0.1)
    return {"hits": 3}


@app.get("/cpu")
async def cpu() -> dict[str, int]:
    """Compute."""
    return {"sum": sum(number * number for number in range(200_000))}


def setting() -> int:
    """Return a value; FastAPI runs it in a thread."""
    return 1


def settings(
    a: Annotated[int, Depends(setting, use_cache=False)],
    b: Annotated[int, Depends(setting, use_cache=False)],
    c: Annotated[int, Depends(setting, use_cache=False)],
    d: Annotated[int, Depends(setting, use_cache=False)],
) -> int:
    """Return their sum."""
    return a + b + c + d


@app.get("/dependencies")
async def dependencies(number: Annotated[int, Depends(settings)]) -> dict[str, int]:
    """Do next to nothing, with five dependencies that are plain functions."""
    return {"number": number}


@app.get("/lock")
def lock() -> dict[str, int]:
    """Wait for something that only one thread may use at a time."""
    with LOCK:
        time.sleep(0.005)
    return {"hits": 3}
