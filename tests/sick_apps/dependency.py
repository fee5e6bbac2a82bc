"""A dependency that blocks."""

# ruff: noqa: ASYNC251

import time
from typing import Annotated

from fastapi import Depends, FastAPI


async def user() -> str:
    """Whose request it is, after a look into something slow."""
    time.sleep(0.02)  # guilty
    return "me"


app = FastAPI()


@app.get("/")
async def hello(name: Annotated[str, Depends(user)]) -> str:
    return name
