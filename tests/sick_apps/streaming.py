"""A streamed answer whose generator blocks between its parts."""

# ruff: noqa: ASYNC251

import time
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse


async def parts() -> AsyncIterator[bytes]:
    """Three parts, each late."""
    for _ in range(3):
        time.sleep(0.012)  # guilty
        yield b"part"


app = FastAPI()


@app.get("/")
async def stream() -> StreamingResponse:
    return StreamingResponse(parts())
