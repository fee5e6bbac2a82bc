"""Threads of a limiter of its own, with five tokens."""

import time
from functools import cache

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import FastAPI

app = FastAPI()


@cache
def limiter() -> CapacityLimiter:
    """Return the limiter, made once on the loop."""
    return CapacityLimiter(5)


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/")
async def root() -> str:
    await anyio.to_thread.run_sync(time.sleep, 0.02, limiter=limiter())  # guilty /
    return "done"
