"""A session as rows and typed columns: its runs, variants, verdicts, and what probe and sensors saw each second."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from loopbench.errors import DataError
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.run.probe_records import SECOND_COLUMNS
from loopbench.judge.run.run import Run
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.statistics.intervals import TEstimate
from loopbench.records.sensors import COLUMNS as SENSOR_COLUMNS
from loopbench.records.sensors import SensorRow
from loopbench.records.session import RunRecord

Columns = Mapping[str, str]
Row = dict[str, Any]
TEXT, FLOAT, COUNT, TIME = "str", "Float64", "Int64", "datetime64[us, UTC]"

RUN_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "run": "int64",
        "kind": TEXT,
        "round": "int64",
        "variant": TEXT,
        "attempt": "int64",
        "started": TIME,
        "wall_s": "float64",
        "load_s": "float64",
        "users": "int64",
        "goodput_rps": FLOAT,
        "own_p50_ms": FLOAT,
        "own_p99_ms": FLOAT,
        "neighbour_p99_ms": FLOAT,
        "requests": COUNT,
        "server_requests": COUNT,
        "locust_requests": COUNT,
        "unfinished": "int64",
        "canary_before_s": FLOAT,
        "canary_after_s": FLOAT,
        "stamp": TEXT,
    }
)
VARIANT_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "variant": TEXT,
        "slug": TEXT,
        "method": TEXT,
        "path": TEXT,
        "user_classes": TEXT,
        "app": TEXT,
        "workers": "int64",
        "loop": TEXT,
        "http": TEXT,
        "thread_tokens": "int64",
        "published_rps": FLOAT,
        "ramp_goodput_rps": FLOAT,
        "knee_users": FLOAT,
        "ramp_stamp": TEXT,
        "valid_runs": "int64",
        "goodput_rps": FLOAT,
        "goodput_low_rps": FLOAT,
        "goodput_high_rps": FLOAT,
        "neighbour_p99_ms": FLOAT,
        "neighbour_p99_low_ms": FLOAT,
        "neighbour_p99_high_ms": FLOAT,
    }
)
VERDICT_COLUMNS: Final[Columns] = MappingProxyType(
    {
        "quantity": TEXT,
        "unit": TEXT,
        "better": TEXT,
        "a": TEXT,
        "b": TEXT,
        "verdict": TEXT,
        "ratio": FLOAT,
        "low": FLOAT,
        "high": FLOAT,
        "rounds": "int64",
        "confidence": FLOAT,
        "detectable": FLOAT,
        "reason": TEXT,
    }
)
_OF_RUN: Final[Columns] = MappingProxyType({"run": "int64", "kind": TEXT, "variant": TEXT})
SECONDS_COLUMNS: Final[Columns] = MappingProxyType(
    {**_OF_RUN, "pid": "int64", "start_s": FLOAT, "end_s": FLOAT} | dict.fromkeys(SECOND_COLUMNS, FLOAT)
)
SENSORS_COLUMNS: Final[Columns] = MappingProxyType({**_OF_RUN, "end_s": FLOAT} | dict.fromkeys(SENSOR_COLUMNS, FLOAT))


def table(columns: Columns, rows: Iterable[Row]) -> pd.DataFrame:
    """A frame of exactly these columns and types; without rows it is empty and typed all the same."""
    known = list(rows)
    try:
        return pd.DataFrame({name: _column([row.get(name) for row in known], kind) for name, kind in columns.items()})
    except (ValueError, TypeError, OverflowError) as problem:
        raise DataError(f"a figure is not of its column's type: {problem}", slug="table-type") from None


def run_rows(report: SessionReport) -> Iterator[Row]:
    """For `RUN_COLUMNS`, in the order of the runs' numbers; runs that could not be used are absent."""
    figures = _figures(report)
    for run in open_session(report.folder).runs:
        if run.record.number in figures:
            yield _own(run) | _of_record(run.record) | figures[run.record.number]


def variant_rows(report: SessionReport) -> Iterator[Row]:
    """For `VARIANT_COLUMNS`, in the scenario's order."""
    ramps = {run.variant.slug: run for run in report.runs}
    scenario = report.record.scenario
    for variant in scenario.variants:
        row: Row = {"variant": variant.name, "slug": variant.slug, "valid_runs": 0}
        row |= scenario.request_values(variant) | {"user_classes": ", ".join(scenario.user_classes(variant)) or None}
        row |= {"published_rps": variant.published.rps}
        row |= {name: getattr(variant.served, name) for name in ("app", "workers", "loop", "http", "thread_tokens")}
        if ramp := ramps.get(variant.slug):
            row |= {"ramp_goodput_rps": ramp.goodput_rps, "knee_users": ramp.curve.knee_users}
            row |= {"ramp_stamp": ramp.stamp.label}
        measured = report.rounds is not None and variant.name in report.rounds.goodput.replicates.variants
        rounds = report.rounds if measured else None
        if rounds is not None:
            row |= {"valid_runs": len(rounds.goodput.replicates.figures_of(variant.name))}
            row |= _estimate("goodput", "rps", rounds.goodput.estimate(variant.name))
        if rounds is not None and rounds.neighbour is not None:
            row |= _estimate("neighbour_p99", "ms", rounds.neighbour.estimate(variant.name))
        yield row


def verdict_rows(report: SessionReport) -> Iterator[Row]:
    """For `VERDICT_COLUMNS`; what is INVALID has no figures."""
    for judged in report.rounds.judged if report.rounds else ():
        quantity = judged.quantity
        for verdict in judged.verdicts:
            low, high = verdict.shown_interval or (None, None)
            yield {
                "quantity": quantity.name,
                "unit": quantity.unit,
                "better": str(quantity.better),
                "a": verdict.comparison.a,
                "b": verdict.comparison.b,
                "verdict": str(verdict.word),
                "ratio": verdict.shown_ratio,
                "low": low,
                "high": high,
                "rounds": verdict.comparison.rounds,
                "confidence": verdict.comparison.confidence,
                "detectable": verdict.detectable,
                "reason": verdict.reason,
            }


def second_rows(runs: Iterable[Run]) -> Iterator[Row]:
    """For `SECONDS_COLUMNS`, run by run. Raises DataError if the samples or a log of the probe are damaged."""
    for run in runs:
        for process in run.probe.processes:
            for second in process.records:
                if second["record"] == "second":
                    seen = {name: second.get(name) for name in SECOND_COLUMNS}
                    start_s, end_s = (_after(run, seen[name]) for name in ("t0_monotonic_s", "t1_monotonic_s"))
                    yield _own(run) | {"pid": process.start.pid, "start_s": start_s, "end_s": end_s} | seen
        run.forget()


def sensor_rows(runs: Iterable[Run]) -> Iterator[Row]:
    """For `SENSORS_COLUMNS`, run by run. Raises DataError if the samples or the sensors' file are damaged."""
    for run in runs:
        for row in run.sensors or ():
            yield _own(run) | {"end_s": _after(run, row.t_s)} | _flat(row)
        run.forget()


def _column(values: list[Any], kind: Any) -> Any:
    if kind == TIME:  # a list without a single time in it would become one without a zone
        return pd.Series(pd.to_datetime(pd.Series(values, dtype="object"), utc=True), dtype=kind)
    return pd.Series(values, dtype=kind)


def _own(run: Run) -> Row:
    return {"run": run.record.number, "kind": run.record.kind, "variant": run.variant.name}


def _of_record(record: RunRecord) -> Row:
    counts = record.counts
    same = ("round", "attempt", "wall_s", "load_s", "canary_before_s", "canary_after_s")
    return {name: getattr(record, name) for name in same} | {
        "started": pd.to_datetime(record.started, utc=True, errors="coerce"),
        "users": record.users_started,
        "requests": counts.samples,
        "server_requests": counts.server,
        "locust_requests": counts.locust,
        "unfinished": counts.unfinished,
    }


def _figures(report: SessionReport) -> dict[int, Row]:
    """By the run's number: figures at full load, and the stamp."""
    found: dict[int, Row] = {step.run: {"stamp": step.stamp.label} for step in report.steps}
    for ramp in report.runs:
        others = [request.hold for request in ramp.requests[1:]]
        row = _latencies(ramp.own.hold, others) | {"goodput_rps": ramp.goodput_rps, "stamp": ramp.stamp.label}
        found[ramp.record.number] = row
    for run in report.rounds.runs if report.rounds else ():
        row = _latencies(run.own, run.neighbours) | {"goodput_rps": run.goodput_rps, "stamp": run.stamp.label}
        found[run.record.number] = row
    return found


def _latencies(own: Percentiles, neighbours: Sequence[Percentiles]) -> Row:
    return {
        "own_p50_ms": own.p50_ms,
        "own_p99_ms": own.p99_ms,
        "neighbour_p99_ms": neighbours[0].p99_ms if neighbours else None,
    }


def _estimate(name: str, unit: str, estimate: TEstimate) -> Row:
    """A mean and the ends of its 95 % interval."""
    low, high = (None, None) if (ends := estimate.interval()) is None else (ends.low, ends.high)
    return {f"{name}_{unit}": estimate.value, f"{name}_low_{unit}": low, f"{name}_high_{unit}": high}


def _after(run: Run, at_s: float | None) -> float | None:
    """A moment of the host's monotonic clock on the run's own time axis."""
    return None if run.origin_s is None or at_s is None else at_s - run.origin_s


def _flat(row: SensorRow) -> Row:
    """As in `sensors.csv`: each part's fields with its name in front."""
    parts = dataclasses.asdict(row)
    own = {name: value for name, value in parts.items() if not isinstance(value, dict)}
    return own | {
        f"{part}_{name}": value
        for part, fields in parts.items()
        if isinstance(fields, dict)
        for name, value in fields.items()
    }
