"""Routers that need a service or an optional driver: included where both are there, a plain sentence where not.

Their drivers take 0.05 to 0.4 s each to import. A module is imported only when its service's variable is set, which
`loopbench run` does for a scenario that names the service: a run pays only for the work it measures.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, NoReturn

from fastapi import APIRouter, HTTPException


class Part(NamedTuple):
    """A module with a `router`, and what has to be there before it is imported."""

    module: str
    paths: tuple[str, ...]  # its routes begin so
    driver: str
    variable: str  # names its service; empty for a library that needs none


PARTS = (
    Part("downstream", ("/downstream", "/fan-out"), "httpx", "LOOPBENCH_UPSTREAM_URL"),
    Part("sqlite", ("/sqlite",), "aiosqlite", ""),
    Part("postgres", ("/postgres", "/pool", "/health"), "asyncpg", "LOOPBENCH_POSTGRES_URL"),
    Part("job_queue", ("/queue",), "redis", "LOOPBENCH_REDIS_URL"),
    Part("messages_redis", ("/messages/redis",), "redis", "LOOPBENCH_REDIS_URL"),
    Part("messages_pubsub", ("/messages/pubsub",), "google.cloud.pubsub_v1", "PUBSUB_EMULATOR_HOST"),
)


def routers() -> list[APIRouter]:
    """One for each part."""
    return [router_of(part) for part in PARTS]


def router_of(part: Part) -> APIRouter:
    """The part's own, or one that says what it lacks."""
    if part.variable and not os.environ.get(part.variable):
        return _absent(part, f"needs the service that {part.variable} names; a scenario with `services` starts one")
    if not _is_installed(part.driver):
        return _absent(part, f"needs the package that brings {part.driver}; see docs/services.md")
    router: APIRouter = import_module(f"target_app.{part.module}").router
    return router


def _is_installed(driver: str) -> bool:
    try:
        return find_spec(driver) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _absent(part: Part, reason: str) -> APIRouter:
    """Answers 501 with a sentence, on every path of the part."""
    router = APIRouter(include_in_schema=False)

    async def absent() -> NoReturn:
        raise HTTPException(501, f"target_app/{part.module}.py {reason}")

    for path in part.paths:
        for ending in ("", "/{rest:path}"):
            router.add_api_route(path + ending, absent, methods=["GET", "POST"], response_model=None)
    return router
