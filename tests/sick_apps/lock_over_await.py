"""An asyncio lock held while something is awaited: one request at a time, the loop idle."""

import asyncio

from fastapi import FastAPI

lock = asyncio.Lock()

app = FastAPI()


@app.get("/")
async def guarded() -> str:
    async with lock:  # guilty
        await asyncio.sleep(0.01)
    return "in"
