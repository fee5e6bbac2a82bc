"""Names are looked up in the default executor, which other work has filled."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

app = FastAPI()
own = ThreadPoolExecutor(32, thread_name_prefix="legacy")


def legacy() -> None:
    time.sleep(0.5)  # guilty


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/orm")
async def orm() -> str:
    await asyncio.get_running_loop().run_in_executor(own if os.environ.get("FIXED") else None, legacy)
    return "done"


@app.get("/resolve")
async def resolve() -> int:
    loop = asyncio.get_running_loop()
    return len(await asyncio.wait_for(loop.getaddrinfo("localhost", 80), 1))
