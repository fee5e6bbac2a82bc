"""The raw figures that `loopbench doctor` measures in one minute. `judge.doctor.fitness` interprets them."""

from dataclasses import dataclass
from typing import Any

from loopbench.records.sensors import MachineUse


@dataclass(frozen=True)
class CanaryBeat:
    """One run of the canary on every core at once. None: it could not run there, or the kernel has no figure."""

    at_s: float  # since the examination began
    piece_s: tuple[float | None, ...]  # in the order of `Examination.cores`
    waited_share: tuple[float | None, ...]  # 0 to 1: share of its time ready to run but not running (run-queue delay)


@dataclass(frozen=True)
class MachineSecond:
    """About a second between two beats, in which loopbench itself was idle."""

    wall_s: float
    use: MachineUse


@dataclass(frozen=True)
class BusyProcess:
    """A process outside loopbench that used the CPU."""

    pid: int
    name: str
    cpu_share: float  # of one processor, over the whole examination


@dataclass(frozen=True)
class Disk:
    """The disk of the results folder. None: it could not be written, or is too full for the test."""

    folder: str
    fsync_s: tuple[float, ...]  # time to write and fsync 4 KiB
    write_bytes_per_s: float | None  # of a larger file, fsync included


@dataclass(frozen=True)
class Limits:
    """The system's limits for a process. None: no limit, or (for the ports) not observable."""

    open_files: int | None  # soft, after loopbench has raised it
    ports: tuple[int, int] | None  # range of local ports of outgoing connections
    cpu_cores: float | None  # CPU limit of our control groups


@dataclass(frozen=True)
class Leftover:
    """A process that an earlier loopbench started and that still runs."""

    pid: int
    name: str


@dataclass(frozen=True)
class Examination:
    """All figures of one examination."""

    format: int
    wall_s: float
    machine: dict[str, Any]  # as in session.json
    cores: tuple[int, ...]
    beats: tuple[CanaryBeat, ...]
    seconds: tuple[MachineSecond, ...]
    busiest: tuple[BusyProcess, ...]  # most CPU first
    disk: Disk
    limits: Limits
    leftovers: tuple[Leftover, ...]
    unobservable: dict[str, str]  # the reason for each figure that could not be observed
