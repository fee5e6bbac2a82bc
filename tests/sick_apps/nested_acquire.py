"""Two dependencies of one request each take a connection from the same pool of ten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI


class Pool:
    """Connections that are handed out one at a time."""

    def __init__(self, size: int) -> None:
        self.free: asyncio.Queue[int] = asyncio.Queue()
        for number in range(size):
            self.free.put_nowait(number)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[int]:
        connection = await self.free.get()  # guilty /nested
        try:
            yield connection
        finally:
            self.free.put_nowait(connection)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.pool = Pool(10)
    yield


app = FastAPI(lifespan=lifespan)


async def users() -> AsyncIterator[int]:
    async with app.state.pool.acquire() as connection:
        await asyncio.sleep(0.01)
        yield connection


async def articles() -> AsyncIterator[int]:
    async with app.state.pool.acquire() as connection:
        yield connection


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/nested")
async def nested(user: Annotated[int, Depends(users)], article: Annotated[int, Depends(articles)]) -> int:
    await asyncio.sleep(0.01)
    return user + article


@app.get("/single")
async def single(user: Annotated[int, Depends(users)]) -> int:
    await asyncio.sleep(0.01)
    return user
