"""A middleware of Starlette's class that blocks."""

# ruff: noqa: ASYNC251

import time

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint


class Audit(BaseHTTPMiddleware):
    """Writes down who asked, slowly."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Before the app."""
        time.sleep(0.02)  # guilty
        return await call_next(request)


app = FastAPI()
app.add_middleware(Audit)


@app.get("/")
async def hello() -> str:
    return "hello"
