"""A healthy app: where the server's own limit on connections is low, answers fail."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/work")
async def work() -> str:
    await asyncio.sleep(0.05)
    return "done"
