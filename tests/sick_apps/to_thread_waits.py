"""`asyncio.to_thread` around a wait: as many at a time as the default executor has threads."""

import asyncio
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def slow() -> str:
    await asyncio.to_thread(time.sleep, 0.05)
    return "slept"
