"""The records that the probe wrote in one process of the target, read and checked. `docs/probe.md` describes them.

A process that was killed leaves whole lines and perhaps a torn last one, which is dropped and noted; everything else
that is not as it should be is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError, create_model

from loopbench.errors import DataError
from loopbench.records.codec import first_problem, parse_json
from loopbench.records.probe import whole_lines

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
LINE_TIMES: Final = {BLOCKED: "blocked_s", BUSY: "busy_s"}
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

SAMPLED: Final = ("tasks", "threads")


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


def read_process(path: Path) -> ProcessLog:
    """Return what one process wrote.

    Raises:
        DataError: the file is damaged before its last line, has no start, or is of another format version.
    """
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
    lines, is_torn = whole_lines(path)
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = parse_json(line)
        except ValueError:
            raise _damaged(path, f"line {number} is not JSON") from None
        if not isinstance(record, dict):
            raise _damaged(path, f"line {number} is not an object")
        records.append(record)
    return records, is_torn


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
    "waits": _of((), _Timed, **dict.fromkeys(SAMPLED, _SAMPLES | _NO_SAMPLE)),
    "moves": _Moves,
    "end": _End,
}
"""What a record of each kind holds. More is not checked, and records of other kinds are not read."""
