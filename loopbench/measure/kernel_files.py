"""The kernel's files (/proc, /sys), read fast and parsed without interpretation. The root is a parameter for tests.

Plain descriptors instead of `Path.read_text`: once a second some fifty of these are read beside a measurement, on its
own processors, and the objects around a file cost three times what the read does.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
CHUNK_BYTES: Final = 1 << 16
CLOCK_OF_PROCESS: Final = 2


class NotObservableError(Exception):
    """The kernel does not report the value; the message is the recorded reason."""


@dataclass(frozen=True)
class KernelFiles:
    """Reads /proc and /sys below a root, and the clock of processes."""

    root: Path = Path("/")

    def read(self, path: str) -> bytes:
        """All of one file; `path` is relative to the root. Raises NotObservableError if it cannot be read."""
        try:
            descriptor = os.open(f"{self.root}/{path}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                return b"".join(_chunks(descriptor))
            finally:
                os.close(descriptor)
        except OSError as problem:
            raise NotObservableError(f"/{path}: {problem.strerror}") from None

    def text(self, path: str) -> str:
        """The same as text, without the white space around it."""
        return self.read(path).decode("utf-8", "replace").strip()

    def names(self, path: str) -> list[str]:
        """What a folder holds; empty when it is not there."""
        try:
            return os.listdir(f"{self.root}/{path}")  # noqa: PTH208  Path.iterdir costs ten times as much
        except OSError:
            return []

    def pids(self) -> frozenset[int]:
        """Every process there is."""
        return frozenset(int(name) for name in self.names("proc") if name.isdigit())

    def cpu_s(self, pid: int) -> float | None:
        """CPU a process has used, ended threads included; None when it is gone.

        clock_getcpuclockid(3) makes this number of a process; it may be read for any of them, takes a microsecond
        where /proc/PID/stat takes fifteen, and counts nanoseconds where that counts clock ticks.
        """
        try:
            return time.clock_gettime((~pid << 3) | CLOCK_OF_PROCESS)
        except OSError:
            return None

    def reaped_cpu_s(self, pid: int) -> float | None:
        """CPU of the ended children a process has waited for, theirs included; None when it is gone.

        Fields 16 and 17 of /proc/PID/stat (proc_pid_stat(5)), in clock ticks.
        """
        try:
            fields = self.read(f"proc/{pid}/stat").rpartition(b")")[2].split()  # a name may contain spaces
            return (int(fields[13]) + int(fields[14])) * TICK_S
        except (NotObservableError, IndexError):
            return None

    def cpu_by_pid(self, pids: Iterable[int]) -> dict[int, float]:
        """The same of several processes; one that is gone is left out."""
        return {pid: cpu_s for pid in pids if (cpu_s := self.cpu_s(pid)) is not None}

    def tree(self, pid: int) -> list[int]:
        """A process and everything below it; empty when it is gone."""
        found, parents = [], [pid]
        while parents:  # a chain may be longer than Python recurses
            parent = parents.pop()
            if threads := self.names(f"proc/{parent}/task"):
                found.append(parent)
                parents += [each for thread in threads for each in self._children(parent, thread)]
        return found

    def _children(self, pid: int, thread: str) -> list[int]:
        try:
            return [int(child) for child in self.read(f"proc/{pid}/task/{thread}/children").split()]
        except NotObservableError:
            return []

    def table(self, path: str, prefix: str) -> dict[str, int]:
        """Names and values of a file that has a line of each (/proc/net/netstat, /proc/net/snmp)."""
        start = f"{prefix}: ".encode()
        lines = [line.split()[1:] for line in self.read(path).splitlines() if line.startswith(start)]
        if len(lines) != 2:
            raise NotObservableError(f"/{path} has no {prefix} lines")
        return {name.decode(): int(value) for name, value in zip(*lines, strict=False)}

    def pairs(self, path: str) -> dict[str, int]:
        """Names and whole numbers of a file with one pair a line (a control group's cpu.stat)."""
        lines = (line.split() for line in self.read(path).splitlines())
        return {line[0].decode(): int(line[1]) for line in lines if len(line) == 2}

    def value(self, path: str, name: str) -> int:
        """One of the pairs of such a file, without parsing the others (/proc/vmstat has two hundred)."""
        found = re.search(rb"^%s\s+(\d+)" % name.encode(), self.read(path), re.MULTILINE)
        if found is None:
            raise NotObservableError(f"/{path} has no {name}")
        return int(found[1])


def _chunks(descriptor: int) -> Iterator[bytes]:
    """Read to the end: the kernel returns one page at a time."""
    while chunk := os.read(descriptor, CHUNK_BYTES):
        yield chunk
