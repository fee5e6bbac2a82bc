"""A middleware reads the body, and what it wraps waits for it again: no such request ever ends."""

from typing import Any

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/body")
async def body(request: Request) -> int:
    async for chunk in request.stream():  # guilty /body
        if chunk:
            return len(chunk)
    return 0


class Logging:
    """Read the body of each request, without keeping it for the app."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/body":
            await Request(scope, receive).body()
        await self._app(scope, receive, send)


app.add_middleware(Logging)
