"""A task looks for work all the time instead of waiting for it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

jobs: deque[int] = deque()


async def look_for_work() -> None:
    while True:
        if jobs:
            jobs.popleft()
        await asyncio.sleep(0)  # guilty /


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(look_for_work())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root() -> str:
    return "root"
