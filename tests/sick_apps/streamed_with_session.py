"""A dependency keeps its connection until the whole answer is streamed, though only the first part needs it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

engine = create_async_engine("sqlite+aiosqlite://", poolclass=AsyncAdaptedQueuePool, pool_size=10, max_overflow=0)
Session = async_sessionmaker(engine)
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with Session() as opened:
        yield opened


async def events() -> AsyncIterator[bytes]:
    for _ in range(10):
        await asyncio.sleep(0.02)
        yield b"event\n"


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/stream")
async def stream(opened: Annotated[AsyncSession, Depends(session)]) -> StreamingResponse:
    await opened.execute(text("select 1"))  # guilty /stream
    return StreamingResponse(events())


@app.get("/closed")
async def closed() -> StreamingResponse:
    async with Session() as opened:
        await opened.execute(text("select 1"))
    return StreamingResponse(events())
