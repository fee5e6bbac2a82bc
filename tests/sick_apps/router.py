"""A route of an included router calls a function through a partial and a lambda."""

# ruff: noqa: PLW0108

import functools
import time

from fastapi import APIRouter, FastAPI


def wait(seconds: float) -> None:
    """Block."""
    time.sleep(seconds)  # guilty


later = functools.partial(wait, 0.02)
router = APIRouter()


@router.get("/")
async def slow() -> str:
    (lambda: later())()  # noqa: PLC3002  frames of all kinds
    return "slept"


app = FastAPI()
app.include_router(router)
