"""Destinations of a recorder's frames: a local file, or the reports that a worker sends to its master."""

import os
from collections import deque
from pathlib import Path
from typing import Final, Protocol

REPORT_BYTES: Final = 4 * 1024 * 1024
"""Largest report, unless a single frame is larger. The master must be able to read other messages in between."""

BACKLOG_BYTES: Final = 256 * 1024 * 1024
"""Bytes that a worker keeps for a master that does not take them. Further frames are dropped; the trailer shows it."""


class Sink(Protocol):
    """Takes whole frames."""

    def write(self, frames: bytes) -> None:
        """Append these frames to the earlier ones."""

    def close(self) -> None:
        """Finish: no more frames follow."""


class FileSink:
    """A samples file.

    Args:
        path: the file to create; it must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)

    def write(self, frames: bytes) -> None:
        """Write all of it. After a short write (a full disk) the next attempt raises the reason."""
        view = memoryview(frames)
        while view:
            view = view[os.write(self._fd, view) :]

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)


class NoSink:
    """Keeps nothing, for a load that is only displayed."""

    def write(self, frames: bytes) -> None:
        """Drop the frames."""

    def close(self) -> None:
        """Do nothing."""


class ReportSink:
    """Keeps frames until a report takes them."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0

    @property
    def empty(self) -> bool:
        """Whether everything has been taken."""
        return not self._waiting

    def write(self, frames: bytes) -> None:
        """Keep the frames for the next report, or drop them if too much is waiting."""
        if self._waiting_bytes + len(frames) <= BACKLOG_BYTES:
            self._waiting.append(frames)
            self._waiting_bytes += len(frames)

    def close(self) -> None:
        """Note that no more frames follow."""
        self.closed = True

    def take(self) -> bytes:
        """Remove and return the oldest frames, up to the size of one report."""
        taken = [self._waiting.popleft()] if self._waiting else []
        size_bytes = sum(map(len, taken))
        while self._waiting and size_bytes + len(self._waiting[0]) <= REPORT_BYTES:
            size_bytes += len(self._waiting[0])
            taken.append(self._waiting.popleft())
        self._waiting_bytes -= size_bytes
        return b"".join(taken)
