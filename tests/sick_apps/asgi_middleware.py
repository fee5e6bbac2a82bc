"""A middleware written against ASGI itself; it blocks when the answer begins."""

# ruff: noqa: ASYNC251

import time
from typing import Any

from fastapi import FastAPI


class Audit:
    """Writes down what was answered, slowly."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Between the app and the server."""

        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                time.sleep(0.02)  # guilty
            await send(message)

        await self.inner(scope, receive, noted)


app = FastAPI()
app.add_middleware(Audit)


@app.get("/")
async def hello() -> str:
    return "hello"
