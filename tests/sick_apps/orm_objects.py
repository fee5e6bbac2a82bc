"""Thousands of objects are made on the loop, inside the greenlet of an async session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
Session = async_sessionmaker(engine)


class Base(DeclarativeBase):
    """The tables."""


class Item(Base):
    """A row with a few columns."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[int]
    stock: Mapped[int]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(insert(Item), [{"name": f"item {n}", "price": n, "stock": n} for n in range(3000)])
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")  # guilty
async def root() -> int:
    async with Session() as session:
        return len((await session.scalars(select(Item))).all())
