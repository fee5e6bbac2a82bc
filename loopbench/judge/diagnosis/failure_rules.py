"""The rules for answers that fail: which status, how many, and what the target's log says about them."""

from typing import Final

from loopbench.judge.diagnosis.findings import Evidence, Finding, Kind, all_holding, evidence_of
from loopbench.judge.diagnosis.load_figures import Failures
from loopbench.judge.diagnosis.log_evidence import LogEvidence
from loopbench.judge.diagnosis.loop_figures import LoopFigures
from loopbench.judge.diagnosis.wait_rules import is_explained_by_a_wait

UNAVAILABLE: Final = 503
SECOND_S: Final = 1.0


def many_fail(figures: LoopFigures) -> Finding | None:
    """Many answers fail, and not because something was waited for too long."""
    evidence = _evidence("answers failing", figures)
    return None if evidence is None or is_explained_by_a_wait(figures) else _finding(figures, evidence)


def some_fail(figures: LoopFigures) -> Finding | None:
    """Some answers fail, and no class above holds."""
    evidence = _evidence("some failing", figures)
    return None if evidence is None else _finding(figures, evidence)


def _evidence(limit: str, figures: LoopFigures) -> tuple[Evidence, ...] | None:
    failures = figures.load.failures
    return all_holding(evidence_of(limit, failures.share if failures else 0.0))


def _finding(figures: LoopFigures, evidence: tuple[Evidence, ...]) -> Finding:
    failures = figures.load.failures
    assert failures is not None, "the evidence holds"
    refused = _is_refused(failures, figures.log)
    return Finding(
        Kind.ANSWERS_FAIL,
        f"{100 * failures.share:.0f} % of the answers fail, most often with status {failures.status} after "
        f"{_time(failures.median_s)} (requests to {failures.name}).{_reason(figures.log, refused=refused)}",
        evidence,
        _REFUSED_REMEDIES if refused else _REMEDIES,
        lines=(),
    )


def _is_refused(failures: Failures, log: LogEvidence | None) -> bool:
    return failures.status == UNAVAILABLE and log is not None and log.refusals > 0


def _reason(log: LogEvidence | None, *, refused: bool) -> str:
    if refused and log is not None:
        return f' The server refuses them: its log has {log.refusals} times "Exceeded concurrency limit".'
    if log is None or log.most_frequent is None:
        return " The target's log names no exception."
    place = f", at {log.most_frequent.place}" if log.most_frequent.place else ""
    return f" The log has {log.most_frequent.count} times: {log.most_frequent.text}{place}."


_REFUSED_REMEDIES: Final = (
    "raise uvicorn's --limit-concurrency above the number of open connections, or remove it: idle ones count too",
    "a shorter --timeout-keep-alive closes idle connections sooner",
)
_REMEDIES: Final = (
    "repair what fails first: a failing request is often a fast one, so the other figures of this run mean little",
    "read target.log in the run's folder",
)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < SECOND_S else f"{seconds:.1f} s"
