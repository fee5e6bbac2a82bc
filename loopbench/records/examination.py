"""What `loopbench doctor` saw in its minute: raw figures, as measured. `judge.doctor.fitness` says what they mean."""

from dataclasses import dataclass
from typing import Any

from loopbench.records.sensors import MachineUse


@dataclass(frozen=True)
class CanaryBeat:
    """The canary once on every core at the same time; None: it could not run there, or the kernel does not say."""

    at_s: float  # after the examination began
    piece_s: tuple[float | None, ...]  # in the order of `Examination.cores`
    waited_share: tuple[float | None, ...]  # 0 to 1: of its time it was ready to run and did not (run-queue delay)


@dataclass(frozen=True)
class MachineSecond:
    """About a second between two beats, in which loopbench itself was idle."""

    wall_s: float
    use: MachineUse


@dataclass(frozen=True)
class BusyProcess:
    """Somebody else's process that used the processors."""

    pid: int
    name: str
    cpu_share: float  # of one processor, over the whole examination


@dataclass(frozen=True)
class Disk:
    """The disk under the results folder. None: it could not be written, or is too full for the test."""

    folder: str
    fsync_s: tuple[float, ...]  # time to write 4 KiB and have them on the disk
    write_bytes_per_s: float | None  # a larger file, flushed


@dataclass(frozen=True)
class Limits:
    """What the system allows a process; None: no limit, or (for the ports) not observable."""

    open_files: int | None
    ports: tuple[int, int] | None  # of the outgoing ends of connections
    cpu_cores: float | None  # of our control groups


@dataclass(frozen=True)
class Leftover:
    """A process an earlier loopbench started, still there."""

    pid: int
    name: str


@dataclass(frozen=True)
class Examination:
    """Everything the doctor saw."""

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
    unobservable: dict[str, str]  # what could not be seen, and why
