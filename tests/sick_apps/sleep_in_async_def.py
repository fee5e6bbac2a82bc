"""`time.sleep` in a coroutine."""

# ruff: noqa: ASYNC251

import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def slow() -> str:
    time.sleep(0.02)  # guilty
    return "slept"
