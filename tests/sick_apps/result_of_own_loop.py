"""A helper gives a coroutine to the running loop and waits for it there: the loop can never run it."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


async def stored() -> str:
    return "done"


def run_sync() -> str:
    future = asyncio.run_coroutine_threadsafe(stored(), asyncio.get_running_loop())
    try:
        return future.result(timeout=0.5)  # guilty /wrong
    except TimeoutError:
        return "late"


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/wrong")
async def wrong() -> str:
    return run_sync()


@app.get("/right")
async def right() -> str:
    return await stored()
