"""An async session that is held while something else is awaited, with a pool of five connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

engine = create_async_engine("sqlite+aiosqlite://", poolclass=AsyncAdaptedQueuePool, pool_size=5, max_overflow=0)
Session = async_sessionmaker(engine)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/held")
async def held() -> int | None:
    async with Session() as session:
        number: int | None = (await session.execute(text("select 1"))).scalar()  # guilty /held
        await asyncio.sleep(0.05)
    return number


@app.get("/given_back")
async def given_back() -> int | None:
    async with Session() as session:
        number: int | None = (await session.execute(text("select 1"))).scalar()
    await asyncio.sleep(0.05)
    return number
