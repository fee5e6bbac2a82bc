"""Diagnosis, ceilings and times of a run as plain values, for `summary.json`."""

from dataclasses import asdict, replace
from typing import Any, Final

from loopbench.judge.diagnosis.ceilings import Ceilings
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.diagnosis.loop_lines import LoopLine
from loopbench.judge.diagnosis.time_spent import TimeSpent
from loopbench.judge.rounds.claims import ClaimAnswer
from loopbench.judge.run.open_loop import OpenLoop, OpenMode
from loopbench.judge.session.run_report import RunReport

MAX_WAITS: Final = 10


def insights_values(run: RunReport) -> dict[str, Any]:
    """Of one run."""
    return {
        "diagnosis": _diagnosis(run.diagnosis),
        "ceilings": None if run.ceilings is None else _ceilings(run.ceilings),
        "time_spent": None if run.time_spent is None else _time_spent(run.time_spent),
        "open_mode": None if run.open_mode is None else _open_mode(run.open_mode),
    }


def claim_values(answer: ClaimAnswer) -> dict[str, Any]:
    """One claim of the scenario's source, and what was measured."""
    interval = answer.interval
    return answer.claim.model_dump() | {
        "answer": str(answer.answer),
        "measured": answer.measured,
        "interval": None if interval is None else [interval.low, interval.high],
        "reason": answer.reason,
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "class": str(diagnosis.kind),
        "sentence": diagnosis.sentence,
        "confidence": str(diagnosis.confidence),
        "evidence": [evidence.text for evidence in diagnosis.evidence],
        "lines": [_line(line) for line in diagnosis.lines],
        "remedies": diagnosis.remedies,
        "also": [{"class": str(each.kind), "sentence": each.sentence} for each in diagnosis.also],
        "figures": _loop(diagnosis),
        "notes": diagnosis.notes,
    }


def _loop(diagnosis: Diagnosis) -> dict[str, Any] | None:
    figures = diagnosis.figures
    if figures is None:
        return None
    left_out = {"lines", "notes", "load", "window", "waits", "quiet"}
    kept = replace(figures, lines=(), waits=(), quiet=None)
    return {key: value for key, value in asdict(kept).items() if key not in left_out} | {
        "waits": [{"group": each.group, "mean": each.mean} | _line(each.line) for each in figures.waits[:MAX_WAITS]],
        "quiet_utilization": None if figures.quiet is None else figures.quiet.utilization,
        "names": [asdict(each) | {"width": each.width} for each in figures.load.names],
    }


def _line(line: LoopLine) -> dict[str, Any]:
    return {
        "file": line.file,
        "line": line.line,
        "function": line.function,
        "owner": str(line.owner),
        "innermost": f"{line.inner_file}:{line.inner_line} in {line.inner_function}",
        "blocked": line.blocked,
        "waited": line.waited,
        "seconds": line.seconds,
        "share": line.share,
    }


def _ceilings(ceilings: Ceilings) -> dict[str, Any]:
    return {"sentence": ceilings.sentence, "resources": [each._asdict() for each in ceilings.resources]}


def _time_spent(spent: TimeSpent) -> dict[str, Any]:
    return {
        "level": spent.level,
        "requests": [asdict(each) for each in spent.requests],
        "pools": [asdict(each) for each in spent.pools],
    }


def _open_mode(mode: OpenMode) -> dict[str, Any]:
    return {"climb": [_due(each) for each in mode.points], "hold": None if mode.hold is None else _due(mode.hold)}


def _due(window: OpenLoop) -> dict[str, Any]:
    return asdict(window) | {
        "offered_rps": window.offered_rps,
        "achieved_rps": window.achieved_rps,
        "late_share": window.late_share,
    }
