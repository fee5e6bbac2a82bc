"""A task started in the lifespan blocks a third of the time; the endpoint is innocent."""

# ruff: noqa: ASYNC251

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


async def refresh() -> None:
    """Keep something up to date."""
    while True:
        time.sleep(0.05)  # guilty
        await asyncio.sleep(0.1)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Refresh as long as the app lives."""
    task = asyncio.create_task(refresh())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def hello() -> str:
    await asyncio.sleep(0.02)
    return "hello"
