"""The lifespan of a router with one resource: a pool, a set of clients, a folder."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI


class Resource(Protocol):
    """Something that lives as long as the app."""

    async def close(self) -> None:
        """Release it."""


def keep(
    name: str, resource: Callable[[], Resource]
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Resource]]]:
    """Return a lifespan that makes the resource, puts it into `request.state` by this name, and closes it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Resource]]:
        kept = resource()
        yield {name: kept}
        await kept.close()

    return lifespan
