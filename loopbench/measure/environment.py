"""Which environment variables the children get. Some would change the measurement silently."""

import os
from collections.abc import Mapping
from pathlib import Path

PROBE_FOLDER = Path(__file__).resolve().parents[1] / "probe"
ATTACHING_FOLDER = PROBE_FOLDER / "sitecustomize_hook"

STEERS_THE_SERVER = ("WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")
STEERS_THE_SERVER_PREFIXES = ("UVICORN_", "GRANIAN_", "LOOPBENCH_", "COVERAGE_")
"""uvicorn and granian read all their options from such variables, and the number of workers from WEB_CONCURRENCY.

COVERAGE_PROCESS_* makes coverage.py trace the process, which slows it down.
"""

STEERS_THE_GENERATOR_PREFIXES = (
    "LOCUST_",
    "GEVENT_",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "PYTHON",
)

GENERATOR_ALLOWED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),  # which certificates this machine trusts
)


def for_target(
    extra: Mapping[str, str], environ: Mapping[str, str] = os.environ, *, attach_at_start: bool = False
) -> dict[str, str]:
    """Returns the user's environment without the server's variables, with the scenario's own and the probe's folder.

    Args:
        extra: the scenario's own variables.
        environ: the user's.
        attach_at_start: attach the probe by `sitecustomize`, for a uvicorn that cannot load a loop by its name.
    """
    kept = {name: value for name, value in environ.items() if not _steers_server(name)}
    kept.update(extra)
    kept["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(ATTACHING_FOLDER if attach_at_start else PROBE_FOLDER), kept.get("PYTHONPATH", "")])
    )
    kept["PYTHONUNBUFFERED"] = "1"
    kept.setdefault("PYTHONFAULTHANDLER", "1")  # a crash (SIGSEGV) writes its stack into target.log
    return kept


def for_generator(extra: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns only what a process needs to run at all, plus `extra`."""
    return {name: environ[name] for name in GENERATOR_ALLOWED if name in environ} | dict(extra)


def for_journeys(extra: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the user's environment for a locustfile, which may read it, without what would change the generator."""
    kept = {name: value for name, value in environ.items() if not name.startswith(STEERS_THE_GENERATOR_PREFIXES)}
    return {name: value for name, value in kept.items() if not _steers_server(name)} | dict(extra)


def ignored(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Returns names of variables that are set but not passed on, because they would change target or generator."""
    return tuple(
        sorted(name for name in environ if _steers_server(name) or name.startswith(STEERS_THE_GENERATOR_PREFIXES))
    )


def _steers_server(name: str) -> bool:
    return name in STEERS_THE_SERVER or name.startswith(STEERS_THE_SERVER_PREFIXES)
