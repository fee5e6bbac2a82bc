"""The app with `/hello` and only one kind of work: `target_app.only:wait` has the routes of `wait.py`.

Most scenarios measure these. In `main:app`, which has everything, a request pays for where its route stands: FastAPI
tries one route after the other, and on the machine this was measured on (FastAPI 0.163) `/hello`, first of 40, took 50
microseconds and `/fast`, the 25th, 130. A module's drivers, too, are imported only by those who ask for it.
"""

from importlib import import_module

from fastapi import FastAPI

from target_app import hello


def __getattr__(kind: str) -> FastAPI:
    """Build it when it is asked for: `uvicorn target_app.only:wait` looks `wait` up here (PEP 562)."""
    if kind.startswith("_"):
        raise AttributeError(kind)
    app = FastAPI(title=f"loopbench target: {kind}")
    app.include_router(hello.router)
    app.include_router(import_module(f"target_app.{kind}").router)
    return app
