"""An earlier session's rounds and figures: from its `summary.json` where that is up to date, else judged again.

Judging takes seconds a session and a history has many. A summary holds each run's figures to six digits and the rules
that made it INVALID, which is all that a comparison over sessions takes; what is rebuilt from it carries no charts.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopbench.errors import DataError
from loopbench.judge.rounds.plateau_run import PlateauRun
from loopbench.judge.rounds.rounds import judge_rounds
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.session.run_report import RunReport
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.judge.session.session_stamp import MergedFinding, SessionStamp
from loopbench.judge.stamp.canaries import session_canaries
from loopbench.judge.stamp.stamp import Finding, Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.summary.summary import SUMMARY_FORMAT
from loopbench.records.session import (
    RUN_FILE,
    RUNS_FOLDER,
    SESSION_FILE,
    SUMMARY_STEM,
    SessionRecord,
    read_run,
    read_session,
    rejected_runs,
    run_folders,
)

LEVELS = {level.label: level for level in Level}


@dataclass(frozen=True)
class RampFigure:
    """What a variant's one ramp run says, where there are no rounds."""

    goodput_rps: float | None
    neighbour_p99_ms: float | None
    valid: bool


@dataclass(frozen=True)
class Past:
    """What a comparison over sessions takes.

    Args:
        report: with its rounds; without runs where it comes from a summary.
        stamp: its label.
        ramps: by variant.
    """

    report: SessionReport
    stamp: str
    ramps: dict[str, RampFigure]


def read_past(folder: Path) -> Past:
    """One session.

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
    return _judged(folder)


def _is_current(folder: Path, summary: Path) -> bool:
    """The summary is there, and nothing it is made of is newer."""
    sources = [folder / SESSION_FILE, folder / RUNS_FOLDER, *folder.glob(f"{RUNS_FOLDER}/*/{RUN_FILE}")]
    made_ns = summary.stat().st_mtime_ns if summary.is_file() else 0
    return all(source.stat().st_mtime_ns <= made_ns for source in sources if source.exists())


def _judged(folder: Path) -> Past:
    report = judge_session(folder)
    ramps = {run.variant.name: _ramp(run) for run in report.runs}
    return Past(report, report.stamp.label, ramps)


def _ramp(run: RunReport) -> RampFigure:
    others = run.requests[1:]
    return RampFigure(run.goodput_rps, others[0].hold.p99_ms if others else None, run.is_valid)


def _from_summary(folder: Path, record: SessionRecord, summary: dict[str, Any]) -> Past:
    if summary["format"] != SUMMARY_FORMAT:
        raise ValueError(f"format {summary['format']}")
    runs = tuple(_plateaus(folder, record, summary["rounds"]["runs"])) if summary["rounds"] else ()
    report = SessionReport(
        folder=folder,
        record=record,
        runs=(),
        steps=(),
        rounds=judge_rounds(record.scenario, runs, len(rejected_runs(folder))),
        stamp=SessionStamp((MergedFinding(_finding("", summary["stamp"]["label"])),)),
        canaries=session_canaries(map(read_run, run_folders(folder))),
        claims=(),
        published=None,
        missing=(),
        damaged=(),
        notes=(),
    )
    ramps = {each["name"]: _summed_ramp(each) for each in summary["variants"] if each["measured"]}
    return Past(report, summary["stamp"]["label"], ramps)


def _plateaus(folder: Path, record: SessionRecord, runs: list[dict[str, Any]]) -> Iterator[PlateauRun]:
    records = {found.number: found for found in map(read_run, run_folders(folder))}
    variants = {variant.name: variant for variant in record.scenario.variants}
    for run in runs:
        p99_ms = _number(run["neighbour_p99_ms"])
        neighbour = Percentiles(0, None, None, p99_ms, None)
        faults = [_finding(str(each["id"]), each["level"]) for each in run["stamp"]["findings"]]
        yield PlateauRun(
            record=records[run["run"]],
            variant=variants[run["variant"]],
            goodput_rps=_number(run["goodput_rps"]) or 0.0,
            own=Percentiles(0, _number(run["own_p50_ms"]), None, _number(run["own_p99_ms"]), None),
            neighbours=(neighbour,) if record.scenario.neighbours else (),
            stamp=Stamp((_finding("", run["stamp"]["label"]), *faults)),
        )


def _summed_ramp(variant: dict[str, Any]) -> RampFigure:
    others = [request for request in variant["requests"] if request["is_neighbour"]]
    p99_ms = _number(others[0]["hold"]["p99_ms"]) if others else None
    return RampFigure(_number(variant["goodput_rps"]), p99_ms, LEVELS[variant["stamp"]["label"]] < Level.INVALID)


def _finding(rule: str, label: str) -> Finding:
    return Finding(rule, "", LEVELS[label], "", None, "")


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
