"""Reads the growing probe files of a running target, for the live display only (`docs/probe.md`)."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from loopbench.errors import DataError
from loopbench.records.codec import parse_json
from loopbench.records.files import open_file
from loopbench.records.probe import GLOB, log_pid

MAX_BYTES: Final = 1024 * 1024
"""Bytes read from one file at a time. A second's record has a few kilobytes; older records are skipped."""

FILE_PARTS: Final = 3  # number of a path's last parts that are shown


class Place(NamedTuple):
    """A line of code."""

    file: str
    line: int
    function: str
    own: bool  # the user's own code; otherwise a nearby endpoint or the innermost frame

    @property
    def text(self) -> str:
        """The place as the page shows it."""
        short = "/".join(Path(self.file).parts[-FILE_PARTS:])
        return f"{short}:{self.line}" if self.line else short


class TimeAt(NamedTuple):
    """How long a line held the loop."""

    place: Place
    blocked_s: float  # in steps longer than the probe's limit
    busy_s: float  # in shorter steps


class LoopSecond(NamedTuple):
    """What one process's loop did in about one second. Figures are means."""

    pid: int
    length_s: float
    utilization: float | None
    anyio_borrowed: float | None
    anyio_total: float | None
    anyio_waiting: float | None
    executor_queue: float | None
    executor_threads: float | None
    lines: tuple[TimeAt, ...]

    @property
    def blocked_s(self) -> float:
        """Time in steps longer than the probe's limit."""
        return sum(line.blocked_s for line in self.lines)


class ProbeTail:
    """Follows every process of one target. Records already in the folder are skipped: they may be an earlier target's.

    Args:
        folder: where the probe writes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets = {path: path.stat().st_size for path in folder.glob(GLOB)}

    def read(self) -> list[LoopSecond]:
        """Return the seconds since the last call, by process and time, without records that no probe writes."""
        return [second for path in sorted(self._folder.glob(GLOB)) for second in self._new_seconds(path)]

    def _new_seconds(self, path: Path) -> Iterator[LoopSecond]:
        try:
            for record in self._new_records(path):
                if record.get("record") == "second" and _length_s(record) > 0:
                    yield second_of(record, log_pid(path))
        except (DataError, OSError, AttributeError, KeyError, TypeError, ValueError) as problem:
            logging.getLogger(__name__).warning("%s cannot be shown: %s", path, problem)

    def _new_records(self, path: Path) -> Iterator[dict[str, Any]]:
        with open_file(path) as file:
            offset = max(self._offsets.get(path, 0), file.seek(0, 2) - MAX_BYTES)
            file.seek(offset)
            whole, newline, _ = file.read(MAX_BYTES).rpartition(b"\n")
        self._offsets[path] = offset + len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                record = parse_json(line)
            except ValueError:  # the beginning of this line was skipped
                continue
            if isinstance(record, dict):
                yield record


def second_of(record: dict[str, Any], pid: int) -> LoopSecond:
    """Return the part of a `second` record that is shown live.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the record is not what the probe writes.
    """
    return LoopSecond(
        pid=pid,
        length_s=_length_s(record),
        utilization=_number(record.get("utilization")),
        anyio_borrowed=_number(record.get("anyio_borrowed_mean")),
        anyio_total=_number(record.get("anyio_total")),
        anyio_waiting=_number(record.get("anyio_waiting_mean")),
        executor_queue=_number(record.get("executor_queue_mean")),
        executor_threads=_number(record.get("executor_threads")),
        lines=(
            *(TimeAt(_place(line), float(line["blocked_s"]), 0.0) for line in record.get("blocked", ())),
            *(TimeAt(_place(line), 0.0, float(line["busy_s"])) for line in record.get("busy", ())),
        ),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _length_s(record: dict[str, Any]) -> float:
    return float(record.get("t1_monotonic_s", 0.0)) - float(record.get("t0_monotonic_s", 0.0))


def _place(entry: dict[str, Any]) -> Place:
    """Return the user's own line, else what was near, else the innermost frame."""
    for kind in ("user_", "near_", ""):
        if entry.get(f"{kind}file") is not None:
            line, function = int(entry.get(f"{kind}line") or 0), str(entry.get(f"{kind}function") or "")
            return Place(str(entry[f"{kind}file"]), line, function, own=kind == "user_")
    return Place("(no Python code)", 0, "", own=False)
