"""A plain `def` endpoint that waits: forty at a time."""

import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def slow() -> str:
    time.sleep(0.1)
    return "slept"
