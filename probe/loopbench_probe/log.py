"""The log file of one process: one JSON object per line, each batch written with one system call."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION = 1  # increase it when a reader of the old format would misread the new one


class Log:
    """An append-only file. A kill cannot tear a line, because each `write` is one call on an O_APPEND descriptor."""

    def __init__(self, directory: str, pid: int) -> None:
        self.path = Path(directory) / f"probe-{pid}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._descriptor: int | None = os.open(self.path, flags, 0o644)

    def write(self, *records: Mapping[str, Any]) -> None:
        """Append the records, one per line. A disk error ends the log, so that its end record is missing."""
        if self._descriptor is None:
            return
        text = "".join(json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n" for record in records)
        data = text.encode()
        try:
            whole = os.write(self._descriptor, data) == len(data)
        except OSError:
            whole = False
        if not whole:
            self.close()

    def close(self) -> None:
        """Close the file; later writes do nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
