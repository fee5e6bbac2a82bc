"""The neighbour route: it does nothing, so any slowdown comes from the other routes."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["hello"])


class Greeting(BaseModel):
    """The answer of `/hello`."""

    message: str


@router.get("/hello")
async def hello() -> Greeting:
    """Answer at once, on the event loop."""
    return Greeting(message="Hello world")


@router.get("/hello_def")
def hello_def() -> Greeting:
    """Answer at once, but in a thread, as 000's plain def does: it waits where other work uses all threads."""
    return Greeting(message="Hello world")
