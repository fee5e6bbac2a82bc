"""The machine a session runs on: facts for the record, and which cores target and generator get."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "locust",
    "gevent",
    "httptools",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "anyio",
    "aiofiles",
    "pydantic",
)


@dataclass(frozen=True)
class Cores:
    """Which processors each side is pinned to; empty means not pinned."""

    target: tuple[int, ...]
    generator: tuple[int, ...]


def divide_cores(available: Iterable[int], generators: int = 1) -> Cores:
    """Generators get the last cores, one each, the target the rest; with fewer than two cores nobody is pinned.

    Pinned apart they cannot take time from each other, so a full target does not slow its own observer.
    """
    cores = sorted(available)
    if len(cores) < 2:
        return Cores((), ())
    taken = min(generators, len(cores) - 1)
    return Cores(tuple(cores[:-taken]), tuple(cores[-taken:]))


def available_cores() -> tuple[int, ...]:
    """Processors this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def facts() -> dict[str, Any]:
    """What a reader needs to know to judge whether two sessions may be compared."""
    return {
        "cpu": _cpu_model(),
        "cores": len(available_cores()),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": platform.system(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def package_versions() -> dict[str, str]:
    """Versions installed beside loopbench. A target in its own environment may have others."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
