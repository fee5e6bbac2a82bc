"""A plain generator in a StreamingResponse: each small chunk is a hop to a thread and back."""

from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
CHUNK = b"test string\r\n"


def rows() -> Iterator[bytes]:
    for _ in range(500):
        yield CHUNK


async def async_rows() -> AsyncIterator[bytes]:
    for _ in range(500):
        yield CHUNK


def batches() -> Iterator[bytes]:
    for _ in range(5):
        yield 100 * CHUNK


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/sync")  # guilty /sync
def sync() -> StreamingResponse:
    return StreamingResponse(rows())


@app.get("/async")
async def in_async_generator() -> StreamingResponse:
    return StreamingResponse(async_rows())


@app.get("/batched")
def batched() -> StreamingResponse:
    return StreamingResponse(batches())
