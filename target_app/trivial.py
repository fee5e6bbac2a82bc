"""Nothing to wait for, nothing to compute: what the keyword alone costs (after FastAPI's page on async and await).

An `async def` endpoint or dependency is called on the event loop. A plain `def` one travels to a thread and back,
which pays when it blocks and costs when it does not. Every answer says where its code ran.
"""

import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

router = APIRouter(prefix="/trivial", tags=["trivial"])

Place = Literal["loop", "thread"]


class Trivial(BaseModel):
    """Where the endpoint ran, and its dependencies."""

    message: Literal["Hello world"] = "Hello world"
    endpoint_on: Place
    dependencies_on: list[Place] = []


def where() -> Place:
    """On the event loop's thread or on another. A `def` called by our own code: nobody moves it anywhere."""
    return "loop" if threading.current_thread() is threading.main_thread() else "thread"


@router.get("/async")
async def trivial_async() -> Trivial:
    """Async def: called on the loop, and done."""
    return Trivial(endpoint_on=where())


@router.get("/def")
def trivial_def() -> Trivial:
    """Plain def: to a thread and back, for nothing. The mistake, if a small one."""
    return Trivial(endpoint_on=where())


async def language_async() -> Place:
    """A dependency that reads a header, or would."""
    return where()


async def page_async() -> Place:
    """A dependency that reads a query, or would."""
    return where()


async def user_async() -> Place:
    """A dependency that looks at a token, or would."""
    return where()


def language_def() -> Place:
    """The same without async: to a thread and back."""
    return where()


def page_def() -> Place:
    """The same without async: a second way to a thread."""
    return where()


def user_def() -> Place:
    """The same without async: a third."""
    return where()


@router.get("/async-dependencies")
async def async_dependencies(
    language: Annotated[Place, Depends(language_async)],
    page: Annotated[Place, Depends(page_async)],
    user: Annotated[Place, Depends(user_async)],
) -> Trivial:
    """Three dependencies, all on the loop."""
    return Trivial(endpoint_on=where(), dependencies_on=[language, page, user])


@router.get("/def-dependencies")
async def def_dependencies(
    language: Annotated[Place, Depends(language_def)],
    page: Annotated[Place, Depends(page_def)],
    user: Annotated[Place, Depends(user_def)],
) -> Trivial:
    """The mistake that does not show: an async endpoint whose three `def` dependencies each go to a thread."""
    return Trivial(endpoint_on=where(), dependencies_on=[language, page, user])
