"""What the probe saw in each process of the target, as tables. The files are described in `docs/probe.md`.

A process that was killed leaves whole lines and perhaps a torn last one, which is dropped and noted; everything else
that is not as it should be is refused. A value that was not measured is missing (NaN), never zero.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Final

import pandas as pd
from pydantic import BaseModel, Field, ValidationError, create_model

from loopbench.errors import DataError
from loopbench.records.codec import first_problem, parse_json
from loopbench.records.files import read_file
from loopbench.records.probe import GLOB

FORMAT_VERSION: Final = 1
"""Of the probe's log; the writer's own constant lives in `probe/`, which shares no code with us."""

BLOCKED, BUSY = "blocked", "busy"
WHEN: Final = ("pid", "t0_monotonic_s", "t1_monotonic_s")
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
    "is_async",  # whether the user's or near function is a coroutine's
    "calls",  # the innermost calls that lead there, outermost first, one a line
)
LINE_COLUMNS: Final = (
    *WHEN,
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
    "hops_total",  # results that threads handed to the loop since the start
    "gc_collections",
    "gc_pause_s",
    "gc_pause_max_s",
    "blocked_unseen_s",
)
ROUTE_COLUMNS: Final = (
    *WHEN,
    "route",
    "requests",
    "in_app_s",
    "in_app_max_s",
    "on_loop_s",
    "on_loop_max_s",
    "after_app_s",
)
QUEUE_COLUMNS: Final = (
    *WHEN,
    "pool",
    "route",
    "jobs",
    "wait_s",
    "wait_max_s",
    "run_s",
)
WAIT_COLUMNS: Final = (*WHEN, "group", *PLACE_COLUMNS, "mean")
POOL_COLUMNS: Final = (*WHEN, "pool", "threads", "at_work", "size", "queue")
TASK_COLUMNS: Final = (
    *WHEN,
    "request",
    "given_up",  # requests whose client has gone
    "after_answer",
    "part",  # tasks that Starlette started for a request
    "other",
    "pipelined",  # requests on a connection that still serves the one before
)

MOVED_PARTS: Final = ("endpoint", "dependencies")
MOVED_COUNTS: Final = ("moved", "kept", "refused")

_SAMPLED: Final = ("tasks", "threads")


class StartFacts(BaseModel, frozen=True):
    """What a process could measure, and of what."""

    pid: int
    nonce: str
    time_monotonic_s: float
    python: str
    loop_class: str
    idle_source: str | None
    level: str  # watch or explain
    available: list[str]
    unavailable: dict[str, str]  # figure -> why it was not measured
    settings: dict[str, Any]
    pools: dict[str, Any]


@dataclass(frozen=True)
class ProcessLog:
    """One process with a loop. `end_reason` is None when it was killed before it could say why it ended."""

    start: StartFacts
    records: tuple[dict[str, Any], ...]  # seconds, waits and explain records, in order
    moves: dict[str, Any]  # the last record of moved calls; empty: the target has no wrapper that moves any
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
        return _table(("pid", *SECOND_COLUMNS), ({"pid": pid, **record} for pid, record in self._records("second")))

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Time per line: LINE_COLUMNS. `kind` is blocked (one step beyond the limit) or busy (sampled short steps)."""
        rows = [
            {"pid": pid, **_times(record), "kind": kind, **line, **_calls(line), "seconds": line[seconds]}
            for pid, record in self._records("second")
            for kind, seconds in _LINE_TIMES.items()
            for line in record[kind]
        ]
        return _table(LINE_COLUMNS, rows)

    @cached_property
    def routes(self) -> pd.DataFrame:
        """Explain level: ROUTE_COLUMNS, summed over the requests of each second; empty at the watch level."""
        return _table(ROUTE_COLUMNS, self._rows("explain", "routes"))

    @cached_property
    def queues(self) -> pd.DataFrame:
        """Explain level: QUEUE_COLUMNS, summed over the jobs of each second; empty at the watch level."""
        return _table(QUEUE_COLUMNS, self._rows("explain", "queues"))

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Where tasks were suspended and threads at work: WAIT_COLUMNS; `mean` is their mean number in that second."""
        rows = ({**row, **_calls(row)} for part in _SAMPLED for row in self._rows("waits", part, "places"))
        return _table(WAIT_COLUMNS, rows)

    @cached_property
    def pools(self) -> pd.DataFrame:
        """Every pool of threads that was found by its threads, means of a second: POOL_COLUMNS."""
        return _table(POOL_COLUMNS, self._rows("waits", "threads", "pools"))

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Tasks by what they serve, means of a second: TASK_COLUMNS. A second without a sample has no row."""
        waits = ((pid, record) for pid, record in self._records("waits") if record["tasks"])
        rows = ({"pid": pid, **_times(record), **record["tasks"]["counts"]} for pid, record in waits)
        return _table(TASK_COLUMNS, rows)

    def _rows(self, kind: str, *parts: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list inside each record of a kind, with the record's process and times."""
        for pid, record in self._records(kind):
            rows: Any = reduce(lambda found, part: found.get(part, ()), parts, record)
            yield from ({"pid": pid, **_times(record), **row} for row in rows)

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
    first, *rest = records
    _check_version(first, path)
    start = _checked(first, 1, path)
    for number, record in enumerate(rest, 2):
        _checked(record, number, path)
    end = rest[-1] if rest and rest[-1].get("record") == "end" else None
    return ProcessLog(
        start=start,
        records=tuple(record for record in rest if record.get("record") in {"second", "waits", "explain"}),
        moves=next((record for record in reversed(rest) if record.get("record") == "moves"), {}),
        requests_total=None if end is None else end["requests_total"],
        end_reason=None if end is None else end["reason"],
        notes=tuple(_notes(start.pid, ended=end is not None, torn=torn)),
    )


def _whole_records(path: Path) -> tuple[list[dict[str, Any]], bool]:
    *lines, rest = read_file(path).split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = parse_json(line)
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


def _checked(record: dict[str, Any], number: int, path: Path) -> Any:
    """Return a record as a model: one that is whole JSON may still hold something else than the probe writes."""
    try:
        return _SHAPES.get(str(record.get("record")), _Other).model_validate(record, strict=True)
    except ValidationError as problem:
        raise _damaged(path, f"line {number}: {first_problem(problem)}") from None


def _notes(pid: int, *, ended: bool, torn: bool) -> Iterator[str]:
    if torn:
        yield f"process {pid}: the log's last line is torn and was dropped"
    if not ended:
        yield f"process {pid} ended without an end record: killed, or still running; its last second is missing"


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns)).convert_dtypes(dtype_backend="numpy_nullable")


def _times(record: dict[str, Any]) -> dict[str, float]:
    return {name: record[name] for name in ("t0_monotonic_s", "t1_monotonic_s")}


def _calls(place: dict[str, Any]) -> dict[str, str]:
    """Return the calls as one text, which a table can group by; probes before they were added left them out."""
    return {"calls": "\n".join(str(each) for each in place.get("calls", ()))}


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


Number = float | None
"""None: not measured."""


class _Timed(BaseModel):
    t0_monotonic_s: float
    t1_monotonic_s: float


class _Place(BaseModel):
    line: float
    user_line: Number = None
    near_line: Number = None
    cpu_s: Number = None
    longest_s: Number = None
    mean: Number = None


class _Blocked(_Place):
    blocked_s: float


class _Busy(_Place):
    busy_s: float


class _Moved(BaseModel):
    moved: int
    kept: int
    refused: int


class _Moves(BaseModel):
    endpoint: _Moved
    dependencies: _Moved


class _Other(BaseModel):
    record: str


class _End(BaseModel):
    requests_total: Number = None


def _of(columns: Sequence[str], base: type[BaseModel] = BaseModel, **others: Any) -> Any:
    """Return a model of these columns, less those that are texts or in the record around a row."""
    numbers: dict[str, Any] = dict.fromkeys((name for name in columns if name not in _NO_NUMBERS), (Number, None))
    return create_model("Record", __base__=base, **numbers, **others)


_NO_NUMBERS: Final = frozenset({*WHEN, "route", "pool"})
_ROUTES, _QUEUES, _POOLS = (GenericAlias(list, _of(each)) for each in (ROUTE_COLUMNS, QUEUE_COLUMNS, POOL_COLUMNS))
_SAMPLES: Final = _of((), counts=dict[str, Number], places=list[_Place], pools=_POOLS)
_NO_SAMPLE: Final = Annotated[dict[str, Any], Field(max_length=0)]
_SHAPES: Final[dict[str, type[BaseModel]]] = {
    "start": StartFacts,
    "second": _of(SECOND_COLUMNS, _Timed, blocked=list[_Blocked], busy=list[_Busy]),
    "explain": _of((), _Timed, routes=_ROUTES, queues=_QUEUES),
    "waits": _of((), _Timed, **dict.fromkeys(_SAMPLED, _SAMPLES | _NO_SAMPLE)),
    "moves": _Moves,
    "end": _End,
}
"""What a record of each kind holds. More is not checked, and records of other kinds are not read."""
