"""Answers of a service are streamed and not closed: their connections never go back to the client's pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI


async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    server = await asyncio.start_server(service, "127.0.0.1", 0)
    app.state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    app.state.client = httpx.AsyncClient(limits=httpx.Limits(max_connections=20), timeout=60)
    app.state.open = []
    yield
    server.close()


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/leaking")
async def leaking() -> int:
    request = app.state.client.build_request("GET", app.state.url)
    answer: httpx.Response = await app.state.client.send(request, stream=True)  # guilty /leaking
    app.state.open.append(answer)
    return answer.status_code


@app.get("/closing")
async def closing() -> int:
    async with app.state.client.stream("GET", app.state.url) as answer:
        await answer.aread()
    code: int = answer.status_code
    return code
