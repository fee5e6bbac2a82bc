"""A blocking session in `async def`, something awaited while it is held, and a pool that runs out."""

import asyncio
import time

from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

engine = create_engine(
    "sqlite://",
    poolclass=QueuePool,
    pool_size=5,
    max_overflow=10,
    pool_timeout=2,
    connect_args={"check_same_thread": False},
)
Local = sessionmaker(engine)
app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/order")
async def order() -> int | None:
    with Local() as session:
        number: int | None = session.execute(text("select 1")).scalar()  # guilty /order
        await asyncio.sleep(0.05)
    return number


@app.get("/order_def")
def order_def() -> int | None:
    with Local() as session:
        number: int | None = session.execute(text("select 1")).scalar()  # guilty /order_def
        time.sleep(0.05)
    return number
