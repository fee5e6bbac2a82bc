"""All requests go through one semaphore of ten."""

import asyncio

from fastapi import FastAPI

app = FastAPI()
limit = asyncio.Semaphore(10)


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/limited")
async def limited() -> str:
    async with limit:  # guilty /limited
        await asyncio.sleep(0.05)
    return "done"
