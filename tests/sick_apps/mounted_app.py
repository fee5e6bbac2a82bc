"""A mounted app, its endpoint behind a decorator of the user's own."""

# ruff: noqa: ASYNC251

import functools
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI


def logged(endpoint: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[str]]:
    """Do nothing of note around it."""

    @functools.wraps(endpoint)
    async def wrapper() -> str:
        return await endpoint()

    return wrapper


inner = FastAPI()


@inner.get("/")
@logged
async def slow() -> str:
    time.sleep(0.02)  # guilty
    return "slept"


app = FastAPI()
app.mount("/", inner)
