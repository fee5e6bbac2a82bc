"""Sync background tasks take all the threads, long after the answers have gone out."""

import time

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


@app.get("/")
async def order(later: BackgroundTasks) -> str:
    later.add_task(time.sleep, 0.5)
    return "ordered"
