"""One HTTP client for all requests, with fewer connections than there are requests in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI


async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection after 100 ms."""
    while await reader.readuntil(b"\r\n\r\n"):
        await asyncio.sleep(0.1)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    server = await asyncio.start_server(service, "127.0.0.1", 0)
    app.state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    few, many = httpx.Limits(max_connections=5), httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(limits=few, timeout=30) as small, httpx.AsyncClient(limits=many, timeout=30) as large:
        app.state.small, app.state.large = small, large
        yield
    server.close()


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/small")
async def small() -> int:
    return (await app.state.small.get(app.state.url)).status_code  # type: ignore[no-any-return]  # guilty /small


@app.get("/large")
async def large() -> int:
    return (await app.state.large.get(app.state.url)).status_code  # type: ignore[no-any-return]
