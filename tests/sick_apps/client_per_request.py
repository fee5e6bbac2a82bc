"""A new HTTP client, and with it a TLS context, for every request."""

import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def proxy() -> bool:
    async with httpx.AsyncClient() as client:  # guilty
        return client.is_closed
