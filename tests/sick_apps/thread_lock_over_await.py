"""A thread's lock that is held over an `await`: the next request waits for it on the loop, for ever."""

import asyncio
import threading

from fastapi import FastAPI

app = FastAPI()
lock = threading.Lock()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/locked")
async def locked() -> str:
    with lock:  # guilty /locked
        await asyncio.sleep(0.01)
    return "done"
