"""A wait of ten milliseconds that does not yield: long for a loop, short for a watcher."""

import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def root() -> str:
    time.sleep(0.01)  # noqa: ASYNC251  # guilty
    return "done"
