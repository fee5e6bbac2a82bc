"""Healthy: a coroutine that awaits a slow service."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def wait() -> str:
    await asyncio.sleep(0.1)
    return "waited"
