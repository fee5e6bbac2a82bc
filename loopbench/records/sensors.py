"""`sensors.csv` of a run: the resource use of target, generator and machine, and the kernel's counters, once a second.

One row covers the interval (t_s - wall_s, t_s]. Counters are differences over the interval; levels (bytes, threads)
are values at its end. A value that could not be observed is an empty cell, read as None, never zero.
`sensors.json` in the same folder has the reason for each column with empty cells. `docs/sensors.md` lists the source of
each value.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_type_hints

from loopbench.errors import DataError
from loopbench.records.codec import parse_json
from loopbench.records.files import read_file

SENSORS_FILE: Final = "sensors.csv"
UNOBSERVABLE_FILE: Final = "sensors.json"
MAX_BYTES: Final = 64_000_000  # a day of rows is below 40 MB, so no run writes a larger file
FORMER: Final = "sockets_"  # begins the names of columns at the end of older files, which are not read


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """The target or the generator: a supervised process and its descendants. CPU seconds are those in the interval.

    The loop thread is the main thread of a process that serves (target) or generates. With several such processes, each
    column has the largest value.
    """

    cpu_s: float | None  # all processes of the tree, all threads
    busiest_thread_cpu_s: float | None
    loop_cpu_s: float | None
    run_queue_delay_s: float | None  # loop thread: ready to run, but another thread had its processor
    voluntary_switches: int | None  # loop thread: it waited for something
    involuntary_switches: int | None  # loop thread: it was preempted
    rss_bytes: int | None  # sum over the tree: shared pages count once per process
    threads: int | None
    processes: int | None


@dataclass(frozen=True, slots=True)
class MachineUse:
    """The whole machine, all processors together, as far as the kernel shows it."""

    cpu_total_s: float | None  # all processor-seconds: busy, idle and stolen
    cpu_busy_s: float | None  # neither idle nor stolen
    foreign_cpu_s: float | None  # of processes that are not ours and lived for a whole row
    unattributed_cpu_s: float | None  # busy, but in no observed process: interrupts, switching, short-lived processes
    harness_cpu_s: float | None  # of loopbench itself, these sensors included
    steal_s: float | None  # given to other guests by the host
    psi_cpu_some_share: (
        float | None
    )  # 0 to 1: time in which some task waited for a processor (pressure stall information)
    dirty_bytes: int | None  # written, not yet on the disk
    dirty_background_threshold_bytes: int | None  # above this the kernel writes them to disk, on our processors
    throttled_periods: int | None  # periods in which our control groups reached their CPU limit
    throttled_s: float | None
    listen_overflows: int | None  # connections that met a full accept queue (whole network namespace)
    listen_drops: int | None
    retransmits: int | None  # TCP segments sent again (whole network namespace)
    services_cpu_s: float | None = None  # of services started for the scenario (a database)


@dataclass(frozen=True, slots=True)
class SensorRow:
    """One second of a run."""

    t_s: float  # end of the interval on this host's CLOCK_MONOTONIC, the clock of `Head.origin_monotonic_s`
    wall_s: float  # length of the interval
    target: ProcessUse
    generator: ProcessUse
    machine: MachineUse


Unobservable = dict[str, str]  # the reason for empty cells, by column name


def write_row(row: SensorRow) -> str:
    """Return a row as one line of CSV, with its newline."""
    cells = [_cell(getattr(row, name)) for name in _OWN]
    for group, kind in _GROUPS.items():
        part = getattr(row, group)
        cells += [_cell(getattr(part, field.name)) for field in fields(kind)]
    return ",".join(cells) + "\n"


def write_unobservable(reasons: Mapping[str, str]) -> str:
    """Return the content of `sensors.json`. Raises KeyError if a reason names a column that does not exist."""
    for column in reasons:
        _TYPES[column]
    return json.dumps({"unobservable": dict(reasons)}, indent=1, ensure_ascii=False) + "\n"


def read_sensors(path: Path) -> tuple[SensorRow, ...]:
    """Return the rows of a `sensors.csv`, in order.

    Raises:
        DataError: the file is missing or too large, has other columns, or has a cell that is not a number.
    """
    header, *lines = _text(path).split("\n")
    named, known = header.split(","), len(COLUMNS)
    if tuple(named[:known]) != COLUMNS or not all(name.startswith(FORMER) for name in named[known:]):
        raise DataError(f"{path} does not have the columns of a loopbench {SENSORS_FILE}")
    if not lines or lines.pop():
        raise DataError(f"{path} ends inside a line")
    rows = [(line.split(","), f"{path}, line {number}") for number, line in enumerate(lines, 2)]
    for cells, where in rows:
        if len(cells) != len(named):
            raise DataError(f"{where}: {len(cells)} cells, not {len(named)}")
    return tuple(_row(cells[:known], where) for cells, where in rows)


def read_unobservable(path: Path) -> Unobservable:
    """Return the reasons for empty cells from the `sensors.json` at `path`."""
    text = _text(path)
    try:
        reasons = parse_json(text)["unobservable"]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path} is not a {UNOBSERVABLE_FILE} of loopbench") from None
    if not isinstance(reasons, dict) or not all(isinstance(reason, str) for reason in reasons.values()):
        raise DataError(f"{path} is not a {UNOBSERVABLE_FILE} of loopbench")
    return reasons


def _text(path: Path) -> str:
    try:
        return read_file(path, MAX_BYTES).decode()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text") from None


def _row(cells: list[str], where: str) -> SensorRow:
    values: dict[str, Any] = {column: _value(cell, column, where) for column, cell in zip(COLUMNS, cells, strict=True)}
    for name in _OWN:
        if values[name] is None:
            raise DataError(f"{where}: {name} is empty")
    parts: dict[str, Any] = {
        group: kind(**{field.name: values[f"{group}_{field.name}"] for field in fields(kind)})
        for group, kind in _GROUPS.items()
    }
    return SensorRow(t_s=values["t_s"], wall_s=values["wall_s"], **parts)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)


def _value(cell: str, column: str, where: str) -> float | int | None:
    if not cell:
        return None
    try:
        value = _TYPES[column](cell)
    except ValueError:
        raise DataError(f"{where}: {column} is {cell[:40]!r}, not a number") from None
    if not abs(value) < 1e18:  # NaN too
        raise DataError(f"{where}: {column} is {cell[:40]!r}, not a number to measure with")
    return value


def _number(hint: Any) -> type[float | int]:
    kind: type[float | int] = get_args(hint)[0] if isinstance(hint, UnionType) else hint
    return kind


def _columns(groups: Mapping[str, Any]) -> Iterable[tuple[str, type[float | int]]]:
    hints = get_type_hints(SensorRow)
    yield from ((name, _number(hints[name])) for name in _OWN)
    for group, kind in groups.items():
        own = get_type_hints(kind)
        yield from ((f"{group}_{field.name}", _number(own[field.name])) for field in fields(kind))


_OWN: Final = ("t_s", "wall_s")
_GROUPS: Final = {"target": ProcessUse, "generator": ProcessUse, "machine": MachineUse}
_TYPES: Final = dict(_columns(_GROUPS))
COLUMNS: Final = tuple(_TYPES)
"""The columns in order: `t_s`, `wall_s`, then each part of a row with its name as prefix (`target_cpu_s`)."""
HEADER: Final = ",".join(COLUMNS) + "\n"
