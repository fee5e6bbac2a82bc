"""The shop's routes. `/stock` has a mistake: it blocks the event loop."""

import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer at once."""
    return {"status": "ok"}


@app.get("/stock")
async def stock(item: str = "shoes") -> dict[str, str | int]:
    """Ask the warehouse, which takes 20 ms."""
    time.sleep(0.02)  # noqa: ASYNC251  the mistake: a client that blocks
    return {"item": item, "left": 3}
