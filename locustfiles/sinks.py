"""Where a recorder's frames go: into a file of this machine, or into the reports a worker sends to its master.

The bytes are the same either way: what the master writes into `samples-<n>.bin` is what the worker would have written.
"""

import os
from collections import deque
from pathlib import Path
from typing import Final, Protocol

REPORT_BYTES: Final = 4 * 1024 * 1024
"""At most this much in one report, unless a single frame is larger: the master must read other messages in between."""

BACKLOG_BYTES: Final = 256 * 1024 * 1024
"""What a worker keeps for a master that does not listen. Beyond it frames are dropped; the trailer's count tells."""


class Sink(Protocol):
    """Takes whole frames."""

    def write(self, frames: bytes) -> None:
        """Take these frames, after all that came before."""

    def close(self) -> None:
        """Nothing more comes."""


class FileSink:
    """A samples file.

    Args:
        path: file to create; it must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def write(self, frames: bytes) -> None:
        """All of it: a short write (a full disk) goes on until the system says why."""
        view = memoryview(frames)
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


class NoSink:
    """For a load that is only looked at: nothing is kept."""

    def write(self, frames: bytes) -> None:
        """Drop them."""

    def close(self) -> None:
        """Nothing was open."""


class ReportSink:
    """Keeps what was written until a report takes it along."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    @property
    def empty(self) -> bool:
        """Everything has been taken."""
        return not self._waiting

    def write(self, frames: bytes) -> None:
        """Keep them for the next report, or drop them when too much is waiting."""
        if self._waiting_bytes + len(frames) <= BACKLOG_BYTES:
            self._waiting.append(frames)
            self._waiting_bytes += len(frames)

    def close(self) -> None:
        """The next reports are the last."""
        self.closed = True

    def take(self) -> bytes:
        """The oldest frames, as many as belong in one report."""
        taken = [self._waiting.popleft()] if self._waiting else []
        size_bytes = sum(map(len, taken))
        while self._waiting and size_bytes + len(self._waiting[0]) <= REPORT_BYTES:
            size_bytes += len(self._waiting[0])
            taken.append(self._waiting.popleft())
        self._waiting_bytes -= size_bytes
        return b"".join(taken)
