"""An endpoint written as a class."""

# ruff: noqa: ASYNC251

import time

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class Slow(HTTPEndpoint):
    """One method for each verb."""

    async def get(self, _: Request) -> PlainTextResponse:
        """Block."""
        time.sleep(0.02)  # guilty
        return PlainTextResponse("slept")


app = Starlette(routes=[Route("/", Slow)])
