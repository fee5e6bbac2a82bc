"""The machine a session runs on: facts for the record, and which cores target and generator get."""

import importlib.metadata
import os
import platform
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import psutil

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.kernel_files import KernelFiles, NotObservableError
from loopbench.measure.throttling import ControlGroups
from loopbench.scenario import Scenario, Target

CPU_FOLDER: Final = "sys/devices/system/cpu"
NOT_OBSERVABLE: Final = "not observable"

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

    def used_by(self, target: Target) -> tuple[int, ...]:
        """Those that a target may use: the generators' too, if it is not pinned or is to have more than the rest."""
        if target.cpus is not None:
            return self.both[: target.cpus]
        return self.target if target.pin else self.both


def divide_cores(available: Iterable[int], generators: int = 1) -> Cores:
    """Generators get the last cores, one each, the target the rest; with fewer than two cores nothing is pinned.

    Pinned apart they cannot take time from each other, so a full target does not slow its own observer.
    """
    cores = sorted(available)
    if len(cores) < 2:
        return Cores((), ())
    taken = min(generators, len(cores) - 1)
    return Cores(tuple(cores[:-taken]), tuple(cores[-taken:]))


def check_cores(scenario: Scenario) -> None:
    """Check that this process may use as many cores as a target is to have. Raises EnvironmentRefusedError."""
    wanted = max(target.cpus or 1 for target in (scenario.target, *(each.served for each in scenario.variants)))
    available = len(available_cores())
    if wanted > available:
        raise EnvironmentRefusedError(
            f"a target of this scenario is to use {wanted} cores, and this process may use {available}",
            slug="few-cores",
            where=f"cpus = {wanted}",
            allowed=f"1 to {available}",
            hints=("measure on a machine or in a container with more cores",),
        )


def available_cores() -> tuple[int, ...]:
    """Processors this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def not_observable(reason: object) -> str:
    """Returns the text of a fact that is not known."""
    return f"{NOT_OBSERVABLE}: {reason}"


def is_virtual(files: KernelFiles) -> bool:
    """Whether there is a hypervisor: the processor's flag (x86), or /sys/hypervisor (Xen, some ARM)."""
    return " hypervisor" in _of_processor(files, "flags") or bool(files.names("sys/hypervisor"))


def facts(files: KernelFiles = KernelFiles()) -> dict[str, Any]:  # noqa: B008  immutable
    """Returns the facts that decide whether two sessions may be compared."""
    cores = available_cores()
    return {
        "cpu": _of_processor(files, "model name"),
        "cores": len(cores),
        "siblings": _siblings(files, cores),
        # "performance" holds the clock, "powersave" and "schedutil" move it with the load.
        "governor": _of_each(cores, lambda core: _fact(files, f"{CPU_FOLDER}/cpu{core}/cpufreq/scaling_governor")),
        "frequency_khz": _of_each(cores, lambda core: _frequency_khz(files, core)),
        "turbo": _turbo(files),
        "virtualisation": _virtualisation(files),
        "cpu_limit_cores": _cpu_limit(files),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": platform.system(),
        # "tsc" is a register, "hpet" and "acpi_pm" are devices and slow.
        "clock_source": _fact(files, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "python_build": _python_build(),
        "load_average_1min": round(os.getloadavg()[0], 2),
    }


def _fact(files: KernelFiles, path: str) -> str:
    try:
        return files.text(path)
    except NotObservableError as problem:
        return not_observable(problem)


def _of_processor(files: KernelFiles, name: str) -> str:
    """Returns a value of /proc/cpuinfo, of the first processor that has it."""
    text = _fact(files, "proc/cpuinfo")
    named = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name))
    return next(named, text if text.startswith(NOT_OBSERVABLE) else not_observable(f"/proc/cpuinfo has no {name}"))


def _siblings(files: KernelFiles, cores: Iterable[int]) -> str:
    """Returns which of our processors share a core ("0,4"): two busy ones on one core slow each other down."""
    groups = {_fact(files, f"{CPU_FOLDER}/cpu{core}/topology/thread_siblings_list") for core in cores}
    unknown = [group for group in groups if group.startswith(NOT_OBSERVABLE)]
    shared = sorted(group for group in groups if not group.isdigit())
    return unknown[0] if unknown else "; ".join(shared) or "none share a core"


def _of_each(cores: Iterable[int], fact: Callable[[int], str]) -> str:
    """Returns one value if all cores agree, else each core's."""
    values = {core: fact(core) for core in cores}
    distinct = set(values.values())
    if len(distinct) == 1:
        return distinct.pop()
    if all(value.startswith(NOT_OBSERVABLE) for value in distinct):
        return next(iter(values.values()))
    return "; ".join(f"core {core}: {value}" for core, value in values.items())


def _frequency_khz(files: KernelFiles, core: int) -> str:
    """Returns the lowest and the highest clock that the policy allows, as "800000-3600000"."""
    lowest, highest = (_fact(files, f"{CPU_FOLDER}/cpu{core}/cpufreq/scaling_{end}_freq") for end in ("min", "max"))
    return highest if highest.startswith(NOT_OBSERVABLE) else f"{lowest}-{highest}"


def _turbo(files: KernelFiles) -> str:
    """Returns whether the clock may rise above its rated value: "on", "off" or unknown."""
    for path, on in ((f"{CPU_FOLDER}/intel_pstate/no_turbo", "0"), (f"{CPU_FOLDER}/cpufreq/boost", "1")):
        value = _fact(files, path)
        if not value.startswith(NOT_OBSERVABLE):
            return "on" if value == on else "off"
    return not_observable("the kernel has no switch for it here, as on most virtual machines")


def _virtualisation(files: KernelFiles) -> str:
    """Returns the machine's maker where it is a virtual one, "none found" on bare metal."""
    if not is_virtual(files):
        return "none found"
    maker = _fact(files, "sys/class/dmi/id/sys_vendor")
    return "virtual machine" if maker.startswith(NOT_OBSERVABLE) else f"virtual machine ({maker})"


def _cpu_limit(files: KernelFiles) -> float | str:
    """Returns the CPU limit of our control groups, in processors."""
    try:
        limit = ControlGroups.of_this_process(files).limit_cores()
    except NotObservableError as problem:
        return not_observable(problem)
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
