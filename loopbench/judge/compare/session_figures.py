"""The figures of a session that comparisons over sessions take: from its `summary.json`, else from judging it again.

Judging takes seconds a session and a history has many. A summary holds each run's figures to nine digits and the rules
that made it INVALID.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopbench.errors import DataError
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.rounds.rounds import (
    Judged,
    NoFigure,
    goodput_quantity,
    judge_quantity,
    neighbour_quantity,
    place_of,
    replicates_of,
)
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.replicates import MissingRun, RunFigure
from loopbench.judge.summary.summary import SUMMARY_FORMAT
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
    """One session.

    Args:
        folder: where it lies.
        record: its `session.json`.
        stamp: its label.
        canary_s: the median of its canaries; None: never run.
        goodput: over its rounds; None without any.
        neighbour: the same for the p99 of its first neighbour; None without one.
        ramps: by variant.
        diagnoses: of its ramp runs, by variant; empty where the figures come from a summary.
    """

    folder: Path
    record: SessionRecord
    stamp: str
    canary_s: float | None
    goodput: Judged | None
    neighbour: Judged | None
    ramps: Mapping[str, RampFigure]
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
        diagnoses={run.variant.name: run.insights.diagnosis for run in report.runs},
    )


def read_figures(folder: Path) -> SessionFigures:
    """The figures of the session in a folder.

    Raises:
        DataError: it is no session, or damaged or of another format.
    """
    record = read_session(folder)
    path = folder / f"{SUMMARY_STEM}.json"
    if _is_current(folder, path):
        try:
            return _from_summary(folder, record, json.loads(path.read_bytes()))
        except (ValueError, TypeError, KeyError, IndexError, DataError, RecursionError):
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
    goodput = replicates_of(scenario, _places(runs, "goodput_rps"))
    neighbour = replicates_of(scenario, _places(runs, "neighbour_p99_ms"))
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


def _places(runs: Iterable[Mapping[str, Any]], figure: str) -> Iterator[RunFigure | MissingRun]:
    for run in runs:
        stamp, value = run["stamp"], _number(run[figure])
        invalid_by = [str(each["id"]) for each in stamp["findings"] if each["level"] == Level.INVALID.label]
        yield place_of(run["run"], run["round"], run["variant"], invalid_by, value or NoFigure("it has no figure"))


def _summed_ramp(variant: Mapping[str, Any]) -> RampFigure:
    others = [request for request in variant["requests"] if request["is_neighbour"]]
    p99_ms = _number(others[0]["hold"]["p99_ms"]) if others else None
    return RampFigure(_number(variant["goodput_rps"]), p99_ms, variant["stamp"]["label"] != Level.INVALID.label)


def _number(value: Any) -> float | None:
    """A figure, or none.

    Raises:
        ValueError: something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{value!r} is no figure")
    return float(value)
