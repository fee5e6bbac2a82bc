"""A small app of a user's own, without FastAPI: what loopbench needs is ASGI."""

import asyncio
import json
import os
import time
from typing import Any

COUNTED = {"requests": 0}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`/ok` answers, `/slow` after a moment; the rest shows one fault each."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    COUNTED["requests"] += 1
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(0.02)
    elif path == "/dies" and COUNTED["requests"] > 60:
        os._exit(3)
    elif path == "/hangs" or (path == "/sticks" and COUNTED["requests"] > 10):
        await asyncio.sleep(600)
    elif path == "/block":
        time.sleep(0.02)  # noqa: ASYNC251  the fault that is wanted here
    sour = path == "/sours" and COUNTED["requests"] > 60
    status = 500 if path == "/wrong" or sour else 404 if path.startswith("/-") else 200
    await answer(send, status, {"path": path})


async def answer(send: Any, status: int, body: dict[str, Any]) -> None:
    """Send one JSON answer."""
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def lifespan(receive: Any, send: Any) -> None:
    """Say yes to whatever the server announces."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
