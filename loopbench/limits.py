"""Bounds what a command that only reads can take of the machine, whatever the files of others hold.

Every reader has bounds of its own. These hold for what they overlook: a small file that needs much memory or time.
"""

import os
import resource
import signal
from types import FrameType
from typing import Final

from loopbench.errors import DataError, EnvironmentRefusedError, LoopbenchError

CPU_S: Final = 300  # for each process
GRACE_S: Final = 30  # for code in C, which does not see the signal: then the kernel ends the process
LEAST_BYTES: Final = 2 << 30
VARIABLE: Final = "LOOPBENCH_LIMITS"


class CpuTimeSpentError(BaseException):
    """The CPU time is spent. No handler of a damaged file takes it for one."""


def bound_reading() -> None:
    """Let this process, and those that it starts, take half of the machine's memory and five minutes of CPU time each.

    Raises, from then on:
        MemoryError: there is no more memory.
        CpuTimeSpentError: the time is spent.
    """
    if os.environ.get(VARIABLE) == "off":
        return
    _lower(resource.RLIMIT_DATA, most_bytes())
    signal.signal(signal.SIGXCPU, _end)
    _lower(resource.RLIMIT_CPU, CPU_S, GRACE_S)


def most_bytes() -> int:
    """Return half of the machine's memory, at least 2 GiB."""
    return max(LEAST_BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)


def as_error(problem: MemoryError | CpuTimeSpentError) -> LoopbenchError:
    """Return the error for a command that has met one of the limits, or the machine's end of memory."""
    hints = (f"if you trust the files: {VARIABLE}=off",)
    if isinstance(problem, CpuTimeSpentError):
        return DataError(f"it computes for more than {CPU_S // 60} minutes", slug="too-slow", hints=hints)
    if resource.getrlimit(resource.RLIMIT_DATA)[0] == most_bytes():
        return DataError(f"it needs more than {most_bytes() / 1e9:.1f} GB of memory", slug="too-large", hints=hints)
    return EnvironmentRefusedError("there is no memory left for it", slug="memory")


def _lower(kind: int, most: int, grace: int = 0) -> None:
    """Lower a limit, unless a lower one holds already."""
    soft, hard = (limit if limit != resource.RLIM_INFINITY else most + grace for limit in resource.getrlimit(kind))
    resource.setrlimit(kind, (min(soft, most), min(hard, most + grace)))


def _end(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # the kernel sends it every second
    raise CpuTimeSpentError
