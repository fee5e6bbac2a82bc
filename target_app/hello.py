"""The innocent route: it does nothing, so what happens to it is what its neighbours do to it."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["hello"])


class Greeting(BaseModel):
    """What `/hello` says."""

    message: str


@router.get("/hello")
async def hello() -> Greeting:
    """Answer at once, on the event loop."""
    return Greeting(message="Hello world")
