"""Every request waits 3 ms on the loop, one in forty 12 ms more: the short waits are what costs."""

# ruff: noqa: ASYNC251

import itertools
import time

from fastapi import FastAPI

COUNT = itertools.count(1)

app = FastAPI()


def rarely() -> None:
    """Wait longer."""
    time.sleep(0.012)


@app.get("/")
async def wait() -> str:
    if next(COUNT) % 40 == 0:
        rarely()
    time.sleep(0.003)  # guilty
    return "waited"
