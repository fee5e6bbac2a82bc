"""What the probe saw in each process of the target, as tables. The files are described in `docs/probe.md`.

A process that was killed leaves whole lines and perhaps a torn last one, which is dropped and noted; everything else
that is not as it should be is refused. A value that was not measured is missing (NaN), never zero.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from loopbench.errors import DataError
from loopbench.records.probe import GLOB

FORMAT_VERSION: Final = 1
"""Of the probe's log; the writer's own constant lives in `probe/`, which shares no code with us."""

BLOCKED, BUSY = "blocked", "busy"
PLACE_COLUMNS: Final = (
    "user_file",
    "user_line",
    "user_function",
    "file",
    "line",
    "function",
    "near_file",  # the endpoint being served, or a package's line, where none of the user's code is on the stack
    "near_line",
    "near_function",
)
LINE_COLUMNS: Final = (
    "pid",
    "t0_monotonic_s",
    "t1_monotonic_s",
    "kind",
    *PLACE_COLUMNS,
    "seconds",
    "cpu_s",
    "samples",
    "longest_s",
)
_LINE_TIMES: Final = {BLOCKED: "blocked_s", BUSY: "busy_s"}
SECOND_COLUMNS: Final = (
    "t0_monotonic_s",
    "t1_monotonic_s",
    "utilization",
    "loop_cpu_share",
    "process_cpu_share",
    "heartbeats",
    "lag_max_s",
    "lag_p99_s",
    "anyio_borrowed_mean",
    "anyio_borrowed_max",
    "anyio_waiting_mean",
    "anyio_waiting_max",
    "anyio_total",
    "executor_queue_mean",
    "executor_queue_max",
    "executor_threads",
    "requests_total",
    "connections",
    "threads",
    "tasks",
    "gc_collections",
    "gc_pause_s",
    "gc_pause_max_s",
    "blocked_unseen_s",
)
ROUTE_COLUMNS: Final = (
    "pid",
    "t0_monotonic_s",
    "t1_monotonic_s",
    "route",
    "requests",
    "in_app_s",
    "in_app_max_s",
    "on_loop_s",
    "on_loop_max_s",
    "after_app_s",
)
QUEUE_COLUMNS: Final = (
    "pid",
    "t0_monotonic_s",
    "t1_monotonic_s",
    "pool",
    "route",
    "jobs",
    "wait_s",
    "wait_max_s",
    "run_s",
)


_EXPLAINED: Final = {"routes": ROUTE_COLUMNS, "queues": QUEUE_COLUMNS}
_NOT_NUMBERS: Final = frozenset({"pid", "t0_monotonic_s", "t1_monotonic_s", "route", "pool"})
"""Of a row of `_EXPLAINED`: texts, and what its record holds."""
_REQUIRED: Final = frozenset({"t0_monotonic_s", "t1_monotonic_s", "line", *_LINE_TIMES.values()})
_START_TYPES: Final = {
    "pid": int,
    "nonce": str,
    "python": str,
    "loop_class": str,
    "level": str,
    "available": list,
    "unavailable": dict,
    "settings": dict,
    "pools": dict,
}


@dataclass(frozen=True)
class StartFacts:
    """What a process could measure, and of what."""

    pid: int
    nonce: str
    time_monotonic_s: float
    python: str
    loop_class: str
    idle_source: str | None
    level: str  # watch or explain
    available: tuple[str, ...]
    unavailable: dict[str, str]  # figure -> why it was not measured
    settings: dict[str, Any]
    pools: dict[str, Any]


@dataclass(frozen=True)
class ProcessLog:
    """One process with a loop. `end_reason` is None when it was killed before it could say why it ended."""

    start: StartFacts
    records: tuple[dict[str, Any], ...]  # seconds and explain records, in order
    requests_total: int | None  # at its end; None without an end or without a server that counts
    end_reason: str | None
    notes: tuple[str, ...]

    @property
    def requests_last_seen(self) -> int | None:
        """The count at the end, or else of the last whole second."""
        if self.requests_total is not None:
            return self.requests_total
        counts = [record["requests_total"] for record in self.records if record["record"] == "second"]
        return counts[-1] if counts else None


@dataclass(frozen=True)
class ProbeLogs:
    """Every process of one run. Times are on the host's monotonic clock; tables are ordered by pid, then time."""

    processes: tuple[ProcessLog, ...]

    @property
    def requests_total(self) -> int | None:
        """Responses the servers counted, all processes together; None when any of them left no final count."""
        return _sum([process.requests_total for process in self.processes])

    @property
    def requests_last_seen(self) -> int | None:
        """The same from the last thing each process wrote: a lower bound when one was killed."""
        return _sum([process.requests_last_seen for process in self.processes])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong or missing in these files, a sentence each."""
        return tuple(note for process in self.processes for note in process.notes)

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """One row a process and second: `pid` and SECOND_COLUMNS."""
        rows = [{"pid": pid, **record} for pid, record in self._records("second")]
        return pd.DataFrame(rows, columns=["pid", *SECOND_COLUMNS]).convert_dtypes(dtype_backend="numpy_nullable")

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Time per line: LINE_COLUMNS. `kind` is blocked (one step beyond the limit) or busy (sampled short steps)."""
        rows = [
            _line_row(pid, record, kind, line)
            for pid, record in self._records("second")
            for kind in _LINE_TIMES
            for line in record[kind]
        ]
        return pd.DataFrame(rows, columns=list(LINE_COLUMNS)).convert_dtypes(dtype_backend="numpy_nullable")

    @cached_property
    def routes(self) -> pd.DataFrame:
        """Explain level: ROUTE_COLUMNS, summed over the requests of each second; empty at the watch level."""
        return self._explained("routes", ROUTE_COLUMNS)

    @cached_property
    def queues(self) -> pd.DataFrame:
        """Explain level: QUEUE_COLUMNS, summed over the jobs of each second; empty at the watch level."""
        return self._explained("queues", QUEUE_COLUMNS)

    def _explained(self, part: str, columns: Sequence[str]) -> pd.DataFrame:
        rows = [
            {"pid": pid, "t0_monotonic_s": record["t0_monotonic_s"], "t1_monotonic_s": record["t1_monotonic_s"], **row}
            for pid, record in self._records("explain")
            for row in record[part]
        ]
        return pd.DataFrame(rows, columns=list(columns)).convert_dtypes(dtype_backend="numpy_nullable")

    def _records(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for process in self.processes:
            yield from ((process.start.pid, record) for record in process.records if record["record"] == kind)


def read_probe_logs(folder: Path) -> ProbeLogs:
    """Every `probe-<pid>.jsonl` in a run's folder; no processes when the probe did not run.

    Raises:
        DataError: a file is damaged before its last line, has no start, or is of another format version.
    """
    return ProbeLogs(tuple(_read_process(path) for path in sorted(folder.glob(GLOB))))


def _read_process(path: Path) -> ProcessLog:
    records, torn = _whole_records(path)
    if not records or records[0].get("record") != "start":
        raise _damaged(path, "it does not begin with a start record")
    start, *rest = records
    _check_version(start, path)
    for number, record in enumerate(rest, 2):
        _check_record(record, f"line {number}", path)
    end = rest[-1] if rest and rest[-1].get("record") == "end" else None
    facts = _start_facts(start, path)
    return ProcessLog(
        start=facts,
        records=tuple(record for record in rest if record.get("record") in {"second", "explain"}),
        requests_total=None if end is None else end["requests_total"],
        end_reason=None if end is None else end["reason"],
        notes=tuple(_notes(facts.pid, ended=end is not None, torn=torn)),
    )


def _whole_records(path: Path) -> tuple[list[dict[str, Any]], bool]:
    *lines, rest = path.read_bytes().split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            raise _damaged(path, f"line {number} is not JSON") from None
        if not isinstance(record, dict):
            raise _damaged(path, f"line {number} is not an object")
        records.append(record)
    return records, bool(rest)


def _check_version(start: dict[str, Any], path: Path) -> None:
    version = start.get("format")
    if version == FORMAT_VERSION:
        return
    newer = isinstance(version, int) and version > FORMAT_VERSION
    raise DataError(
        f"{path.name} has probe format {version}; this loopbench reads {FORMAT_VERSION}",
        slug="probe-format",
        where=str(path),
        hints=("update loopbench",) if newer else ("report it with the loopbench that wrote it, or measure again",),
    )


def _check_record(record: dict[str, Any], where: str, path: Path) -> None:
    """A record is whole JSON; a damaged one may still hold something else than the probe writes."""
    kind = record.get("record")
    if kind == "second":
        _check_numbers(record, SECOND_COLUMNS, where, path)
        for part, seconds in _LINE_TIMES.items():
            for line in _rows(record, part, where, path):
                _check_numbers(line, (seconds, "cpu_s", "longest_s", "line", "user_line", "near_line"), where, path)
    elif kind == "explain":
        _check_numbers(record, ("t0_monotonic_s", "t1_monotonic_s"), where, path)
        for part, columns in _EXPLAINED.items():
            for row in _rows(record, part, where, path):
                _check_numbers(row, [name for name in columns if name not in _NOT_NUMBERS], where, path)
    elif kind == "end":
        _check_numbers(record, ("requests_total",), where, path)


def _check_numbers(row: dict[str, Any], names: Iterable[str], where: str, path: Path) -> None:
    """Every one is a number or not known; its two moments, and the number and time of a line, must be known."""
    for name in names:
        value = row.get(name)
        is_number = isinstance(value, int | float)
        if not is_number and (value is not None or name in _REQUIRED):
            raise _damaged(path, f"{where}: {name} is {str(value)[:40]!r}, not a number")


def _rows(record: dict[str, Any], part: str, where: str, path: Path) -> list[dict[str, Any]]:
    rows = record.get(part)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _damaged(path, f"{where}: {part} is no list of objects")
    return rows


def _start_facts(start: dict[str, Any], path: Path) -> StartFacts:
    try:
        known = {name: start[name] for name in StartFacts.__dataclass_fields__}
    except KeyError as missing:
        raise _damaged(path, f"its start record has no {missing}") from None
    wrong = [name for name, kind in _START_TYPES.items() if not isinstance(known[name], kind)]
    if wrong:
        raise _damaged(path, f"in its start record {wrong[0]} is {str(known[wrong[0]])[:40]!r}")
    return StartFacts(**{**known, "available": tuple(known["available"])})


def _notes(pid: int, *, ended: bool, torn: bool) -> Iterator[str]:
    if torn:
        yield f"process {pid}: the log's last line is torn and was dropped"
    if not ended:
        yield f"process {pid} ended without an end record: killed, or still running; its last second is missing"


def _line_row(pid: int, record: dict[str, Any], kind: str, line: dict[str, Any]) -> dict[str, Any]:
    times = {"t0_monotonic_s": record["t0_monotonic_s"], "t1_monotonic_s": record["t1_monotonic_s"]}
    return {"pid": pid, **times, "kind": kind, **line, "seconds": line[_LINE_TIMES[kind]]}


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _damaged(path: Path, what: str) -> DataError:
    return DataError(
        f"{path.name} cannot be used: {what}",
        slug="probe-log",
        where=str(path),
        hints=("measure again: the other files of this run are not affected",),
    )
