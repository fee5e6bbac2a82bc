"""Routers that need a service or an optional driver. Without them, the routes answer with a sentence.

Their drivers take 0.05 to 0.4 s each to import. A module is imported only if its service's variable is set, which
`loopbench run` does for a scenario that names the service, so that a run pays only for the work it measures.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, NoReturn

from fastapi import APIRouter, HTTPException


class Part(NamedTuple):
    """A module with a `router`, and the requirements for importing it."""

    module: str
    paths: tuple[str, ...]  # prefixes of its routes
    driver: str
    variable: str  # environment variable of its service; empty for a library without one


PARTS = (
    Part("downstream", ("/downstream", "/fan-out"), "httpx", "LOOPBENCH_UPSTREAM_URL"),
    Part("sqlite", ("/sqlite",), "aiosqlite", ""),
    Part("postgres", ("/postgres", "/pool", "/health"), "asyncpg", "LOOPBENCH_POSTGRES_URL"),
    Part("job_queue", ("/queue",), "rq", "LOOPBENCH_REDIS_URL"),
    Part("messages_redis", ("/messages/redis",), "redis", "LOOPBENCH_REDIS_URL"),
    Part("messages_pubsub", ("/messages/pubsub",), "google.cloud.pubsub_v1", "PUBSUB_EMULATOR_HOST"),
)


def routers() -> list[APIRouter]:
    """Return one router per part."""
    return [router_of(part) for part in PARTS]


def router_of(part: Part) -> APIRouter:
    """Return the part's own router, or one that names the missing requirement."""
    if part.variable and not os.environ.get(part.variable):
        return _absent(part, f"needs the service that {part.variable} names; a scenario with `services` starts one")
    if not _is_installed(part.driver):
        return _absent(part, f"needs the package that brings {part.driver}; see docs/services.md")
    router: APIRouter = import_module(f".{part.module}", __package__).router
    return router


def _is_installed(driver: str) -> bool:
    try:
        return find_spec(driver) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _absent(part: Part, reason: str) -> APIRouter:
    """Return a router that answers 501 with a sentence, on every path of the part."""
    router = APIRouter(include_in_schema=False)

    async def absent() -> NoReturn:
        raise HTTPException(501, f"target_app/{part.module}.py {reason}")

    for path in part.paths:
        for ending in ("", "/{rest:path}"):
            router.add_api_route(path + ending, absent, methods=["GET", "POST"], response_model=None)
    return router
