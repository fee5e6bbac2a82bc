"""Slow `def` endpoints take all threads, and the quick one that tells whether the app lives is a `def` too."""

import os
import queue

from fastapi import FastAPI

app = FastAPI()


def wait_for_packet() -> None:
    bus: queue.Queue[str] = queue.Queue()
    for _ in range(4):
        try:
            bus.get(timeout=0.3)  # guilty
        except queue.Empty:
            continue


@app.get("/chat")
def chat() -> str:
    wait_for_packet()
    return "done"


if os.environ.get("FIXED"):

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

else:

    @app.get("/hello")
    def hello_in_a_thread() -> str:
        return "hello"
