"""A middleware sends the whole body, does some work, and ends the answer only then: its connection is held."""

import asyncio
from typing import Any

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/work")
async def work() -> str:
    return "done"


class Auditing:
    """Write something down after the body was sent and before the answer is ended."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.body" and scope["path"] == "/work":
                await send({**message, "more_body": True})
                await asyncio.sleep(0.2)  # guilty /work
                await send({"type": "http.response.body", "body": b""})
            else:
                await send(message)

        await self._app(scope, receive, sending)


app.add_middleware(Auditing)
