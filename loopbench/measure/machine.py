"""The machine a session runs on: facts for the record, and which cores target and generator get."""

import importlib.metadata
import os
import platform
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psutil

from loopbench.measure import processors
from loopbench.measure.kernel_files import KernelFiles, NotObservableError
from loopbench.measure.throttling import ControlGroups

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

    @property
    def both(self) -> tuple[int, ...]:
        """All of them, the target's first."""
        return tuple(dict.fromkeys(self.target + self.generator))

    @property
    def shared(self) -> "Cores":
        """The same, but the target may also use the generators' cores: for scenarios on more cores."""
        return Cores(self.both, self.generator)


def divide_cores(available: Iterable[int], generators: int = 1) -> Cores:
    """Generators get the last cores, one each, the target the rest; with fewer than two cores nothing is pinned.

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


def facts(files: KernelFiles = KernelFiles()) -> dict[str, Any]:  # noqa: B008  immutable
    """Returns the facts that decide whether two sessions may be compared.

    Every value is a number or a sentence; an unknown value is "not observable" with the reason.
    """
    cores = available_cores()
    return {
        "cpu": processors.model(files),
        "cores": len(cores),
        "siblings": _siblings(files, cores),
        "governor": _of_each(cores, lambda core: processors.governor(files, core)),
        "frequency_khz": _of_each(cores, lambda core: processors.frequency_khz(files, core)),
        "turbo": processors.turbo(files),
        "virtualisation": processors.virtualisation(files),
        "cpu_limit_cores": _cpu_limit(files),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": platform.system(),
        "clock_source": processors.clock_source(files),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "python_build": _python_build(),
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def _siblings(files: KernelFiles, cores: Iterable[int]) -> str:
    """Returns which of our processors share a core."""
    groups = {processors.siblings(files, core) for core in cores}
    unknown = [group for group in groups if group.startswith(processors.NOT_OBSERVABLE)]
    shared = sorted(group for group in groups if not group.isdigit())
    return unknown[0] if unknown else "; ".join(shared) or "none share a core"


def _of_each(cores: Iterable[int], fact: Callable[[int], str]) -> str:
    """Returns one value if all cores agree, else each core's."""
    values = {core: fact(core) for core in cores}
    distinct = set(values.values())
    if len(distinct) == 1:
        return distinct.pop()
    if all(value.startswith(processors.NOT_OBSERVABLE) for value in distinct):
        return next(iter(values.values()))
    return "; ".join(f"core {core}: {value}" for core, value in values.items())


def _cpu_limit(files: KernelFiles) -> float | str:
    """Returns the CPU limit of our control groups, in processors."""
    try:
        limit = ControlGroups.of_this_process(files).limit_cores()
    except NotObservableError as problem:
        return processors.not_observable(problem)
    return "none" if limit is None else round(limit, 3)


def _python_build() -> str:
    """Returns what changes the speed of the same version: the GIL, debug checks, profile-guided optimisation."""
    flags = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    parts = [
        "no GIL" if sysconfig.get_config_var("Py_GIL_DISABLED") else "GIL",
        *(["debug"] if sysconfig.get_config_var("Py_DEBUG") else []),
        *(["profile-guided"] if "--enable-optimizations" in flags else []),
        *(["link-time optimised"] if "--with-lto" in flags else []),
        platform.python_compiler(),
    ]
    return ", ".join(parts)


def package_versions() -> dict[str, str]:
    """Versions installed beside loopbench. A target in its own environment may have others."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
