"""A dependency fails for most requests."""

import itertools

from fastapi import FastAPI

app = FastAPI()
numbers = itertools.count()


@app.get("/hello")
async def hello() -> str:
    return "hello"


@app.get("/user")
async def user() -> int:
    number = next(numbers)
    return number // (number % 4 // 3)
