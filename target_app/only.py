"""Apps with `/hello` and one kind of work: `target_app.only:wait` has the routes of `wait.py`.

Most scenarios measure these apps. In `main:app`, which has all routes, the cost of a request depends on the position of
its route, because FastAPI tries one route after the other: in one measurement (FastAPI 0.163) `/hello`, the first of
40, took 50 microseconds and `/fast`, the 25th, 130. Here a module's drivers are also imported only when it is used.
"""

from importlib import import_module

from fastapi import FastAPI

from . import hello


def __getattr__(kind: str) -> FastAPI:
    """Create the app on access: `uvicorn target_app.only:wait` looks up `wait` here (PEP 562)."""
    if kind.startswith("_"):
        raise AttributeError(kind)
    app = FastAPI(title=f"loopbench target: {kind}")
    app.include_router(hello.router)
    app.include_router(import_module(f".{kind}", __package__).router)
    return app
