"""An app whose endpoint awaits."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/waits")
async def waits() -> str:
    """Wait on the event loop."""
    await asyncio.sleep(0.001)
    return "waited"
