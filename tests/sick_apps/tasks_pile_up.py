"""Every request leaves a task behind that is not awaited."""

import asyncio

from fastapi import FastAPI

kept: set[asyncio.Task[None]] = set()

app = FastAPI()


@app.get("/")
async def order() -> str:
    task = asyncio.create_task(asyncio.sleep(30))
    kept.add(task)
    task.add_done_callback(kept.discard)
    await asyncio.sleep(0.01)
    return "ordered"
