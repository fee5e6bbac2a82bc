"""The figures of a session that comparisons over sessions take: from its `summary.json`, else from judging it again.

Judging takes seconds a session and a history has many. A summary holds each run's figures to nine digits and the rules
that made it INVALID.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopbench.errors import DataError
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.rounds.rounds import (
    Judged,
    Known,
    goodput_quantity,
    judge_quantity,
    neighbour_quantity,
    place_of,
    rate,
    replicates_of,
)
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.bounds import Count, Ends
from loopbench.judge.statistics.replicates import MissingRun, RunFigure
from loopbench.judge.summary.summary import SUMMARY_FORMAT
from loopbench.records.codec import parse_json
from loopbench.records.files import read_file
from loopbench.records.session import (
    RUN_FILE,
    RUNS_FOLDER,
    SESSION_FILE,
    SUMMARY_STEM,
    SessionRecord,
    read_session,
)


@dataclass(frozen=True)
class RampFigure:
    """What a variant's one ramp run showed, where there are no rounds."""

    goodput_rps: float | None
    neighbour_p99_ms: float | None
    valid: bool


@dataclass(frozen=True)
class SessionFigures:
    """One session."""

    folder: Path  # where it lies
    record: SessionRecord  # its `session.json`
    stamp: str  # its label
    canary_s: float | None  # the median of its canaries; None: never run
    goodput: Judged | None  # over its rounds; None without any
    neighbour: Judged | None  # the same for the p99 of its first neighbour; None without one
    ramps: Mapping[str, RampFigure]  # by variant
    # of its ramp runs, by variant; empty where the figures come from a summary
    diagnoses: Mapping[str, Diagnosis] = field(default_factory=dict)


def figures_of(report: SessionReport) -> SessionFigures:
    """The figures of a judged session."""
    return SessionFigures(
        folder=report.folder,
        record=report.record,
        stamp=report.stamp.label,
        canary_s=report.canaries.median_s,
        goodput=report.rounds.goodput if report.rounds else None,
        neighbour=report.rounds.neighbour if report.rounds else None,
        ramps={run.variant.name: _ramp(run) for run in report.runs},
        diagnoses={run.variant.name: run.diagnosis for run in report.runs},
    )


def read_figures(folder: Path) -> SessionFigures:
    """The figures of the session in a folder. Raises DataError if it is no session, or damaged or of another format."""
    record = read_session(folder)
    path = folder / f"{SUMMARY_STEM}.json"
    if _is_current(folder, path):
        try:
            return _from_summary(folder, record, parse_json(read_file(path)))
        except (ValueError, TypeError, KeyError, IndexError, DataError):
            pass  # a summary is made from the runs: what is wrong with it is made anew
    return figures_of(judge_session(folder))


def _is_current(folder: Path, summary: Path) -> bool:
    """The summary is there, and nothing it is made of is newer."""
    sources = [folder / SESSION_FILE, folder / RUNS_FOLDER, *folder.glob(f"{RUNS_FOLDER}/*/{RUN_FILE}")]
    made_ns = summary.stat().st_mtime_ns if summary.is_file() else 0
    return all(source.stat().st_mtime_ns <= made_ns for source in sources if source.exists())


def _ramp(run: RunReport) -> RampFigure:
    others = run.requests[1:]
    return RampFigure(run.goodput_rps, others[0].hold.p99_ms if others else None, run.is_valid)


def _from_summary(folder: Path, record: SessionRecord, summary: Mapping[str, Any]) -> SessionFigures:
    if summary["format"] != SUMMARY_FORMAT:
        raise ValueError(f"format {summary['format']}")
    scenario, runs = record.scenario, summary["rounds"]["runs"] if summary["rounds"] else ()
    goodput = replicates_of(scenario, _places(runs, _rate))
    neighbour = replicates_of(scenario, _places(runs, _neighbour_p99))
    return SessionFigures(
        folder=folder,
        record=record,
        stamp=str(summary["stamp"]["label"]),
        canary_s=open_session(folder).canaries.median_s,
        goodput=judge_quantity(goodput_quantity(scenario), scenario, goodput) if runs else None,
        neighbour=judge_quantity(neighbour_quantity(scenario), scenario, neighbour)
        if runs and scenario.neighbours
        else None,
        ramps={str(each["name"]): _summed_ramp(each) for each in summary["variants"] if each["measured"]},
    )


def _places(
    runs: Iterable[Mapping[str, Any]], figure: Callable[[Mapping[str, Any]], Known | str]
) -> Iterator[RunFigure | MissingRun]:
    for run in runs:
        invalid_by = [str(each["id"]) for each in run["stamp"]["findings"] if each["level"] == Level.INVALID.label]
        yield place_of(run["run"], run["round"], run["variant"], invalid_by, figure(run))


def _rate(run: Mapping[str, Any]) -> Known:
    seconds = _number(run["window_s"])
    if not seconds:
        raise ValueError("a window without a length")
    return rate(Count(int(run["good_answers"]), seconds))


def _neighbour_p99(run: Mapping[str, Any]) -> Known | str:
    value, between = _number(run["neighbour_p99_ms"]), run["neighbour_p99_between_ms"]
    if between is None:
        return Known(value) if value else "no request of which a p99 could be known was sent"
    low, high = (_number(end) for end in between)
    return Known(value, Ends(low or 0.0, math.inf if high is None else high))


def _summed_ramp(variant: Mapping[str, Any]) -> RampFigure:
    others = [request for request in variant["requests"] if request["is_neighbour"]]
    p99_ms = _number(others[0]["hold"]["p99_ms"]) if others else None
    return RampFigure(_number(variant["goodput_rps"]), p99_ms, variant["stamp"]["label"] != Level.INVALID.label)


def _number(value: Any) -> float | None:
    """A figure, or none. Raises ValueError for anything else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{value!r} is no figure")
    return float(value)
