"""An app with a route for each way a variant fails when it is asked once."""

import asyncio
import os

from fastapi import FastAPI

app = FastAPI()


def look_up(key: str) -> int:
    """Find nothing."""
    found: dict[str, int] = {}
    return found[key]


@app.get("/ok")
async def ok() -> int:
    """Answer."""
    return 1


@app.get("/raises")
async def raises() -> int:
    """Raise in a function of the app's own."""
    return look_up("x")


@app.get("/hangs")
async def hangs() -> None:
    """Never answer."""
    await asyncio.Event().wait()


@app.get("/dies")
async def dies() -> None:
    """End the process."""
    os._exit(3)
