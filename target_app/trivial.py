"""Endpoints without work: the cost of `async def` and `def` alone (after FastAPI's page on async and await).

An `async def` endpoint or dependency is called on the event loop. A plain `def` one goes to a thread and back, which
helps if it blocks and only costs time if it does not. Every answer names where its code ran.
"""

import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

router = APIRouter(prefix="/trivial", tags=["trivial"])

Place = Literal["loop", "thread"]


class Trivial(BaseModel):
    """Where the endpoint and its dependencies ran."""

    message: Literal["Hello world"] = "Hello world"
    endpoint_on: Place
    dependencies_on: list[Place] = []


def where() -> Place:
    """Return where this runs: on the event loop's thread or another. A direct call never changes the thread."""
    return "loop" if threading.current_thread() is threading.main_thread() else "thread"


@router.get("/async")
async def trivial_async() -> Trivial:
    """Async def: called on the loop."""
    return Trivial(endpoint_on=where())


@router.get("/def")
def trivial_def() -> Trivial:
    """The small mistake: plain def goes to a thread and back without need."""
    return Trivial(endpoint_on=where())


async def on_loop() -> Place:
    """A stand-in for a dependency that reads a header, or checks a token."""
    return where()


def in_thread() -> Place:
    """The same without async: a hop to a thread."""
    return where()


OnLoop = Annotated[Place, Depends(on_loop, use_cache=False)]  # without the cache each parameter is a call of its own
InThread = Annotated[Place, Depends(in_thread, use_cache=False)]


@router.get("/async-dependencies")
async def async_dependencies(language: OnLoop, page: OnLoop, user: OnLoop) -> Trivial:
    """Three dependencies, all on the loop."""
    return Trivial(endpoint_on=where(), dependencies_on=[language, page, user])


@router.get("/def-dependencies")
async def def_dependencies(language: InThread, page: InThread, user: InThread) -> Trivial:
    """The hidden mistake: an async endpoint whose three `def` dependencies each go to a thread."""
    return Trivial(endpoint_on=where(), dependencies_on=[language, page, user])
