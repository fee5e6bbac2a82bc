"""Stamp and rounds as plain values, for `summary.json`."""

from dataclasses import asdict
from typing import Any

from loopbench.judge.rounds.rounds import Judged, Rounds
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.stamp.health import Health, trouble_of
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.statistics.intervals import TEstimate
from loopbench.judge.statistics.verdict import Verdict


def stamp_values(stamp: SessionStamp) -> dict[str, Any]:
    """Of a session: its label, every finding that lowered it, and its remarks."""
    return {
        "label": stamp.label,
        "findings": [_finding(each) for each in stamp.faults],
        "remarks": [each.sentence for each in stamp.remarks],
    }


def run_stamp_values(stamp: Stamp) -> dict[str, Any]:
    """Of a run: the label and the findings that made it so."""
    faults = [{"id": each.id, "level": each.level.label, "value": each.value} for each in stamp.faults]
    return {"label": stamp.label, "findings": faults}


def health_values(health: Health) -> dict[str, Any]:
    """Of a run's target: its state, and every request by what became of it."""
    return {"state": str(health.state), "sentence": trouble_of([health]), "sent": health.sent} | {
        key: value for key, value in asdict(health).items() if key != "state"
    }


def rounds_values(rounds: Rounds) -> dict[str, Any]:
    """Every declared quantity with its verdicts, each variant's own figure, and each run's."""
    return {
        "rounds": rounds.count,
        "rejected_runs": rounds.rejected,
        "precision_wanted": rounds.precision,
        "quantities": [_judged(each) for each in rounds.judged],
        "runs": [
            {
                "run": run.record.number,
                "round": run.round,
                "variant": run.variant.name,
                "goodput_rps": run.goodput_rps,
                "good_answers": run.answers.events,
                "window_s": run.answers.seconds,
                "health": health_values(run.health),
                "own_p50_ms": run.own.p50_ms,
                "own_p99_ms": run.own.p99_ms,
                "neighbour_p99_ms": run.neighbours[0].p99_ms if run.neighbours else None,
                "neighbour_p99_between_ms": run.neighbours[0].between_ms.get("p99") if run.neighbours else None,
                "receipt": run.record.receipt,
                "stamp": run_stamp_values(run.stamp),
            }
            for run in rounds.runs
        ],
    }


def _finding(finding: MergedOutcome) -> dict[str, Any]:
    worst = finding.worst
    return {
        "id": worst.id,
        "level": worst.level.label,
        "what": finding.sentence,
        "value": worst.value,
        "limit": worst.limit,
        "advice": worst.advice,
        "runs_by_variant": dict(finding.by_variant),
    }


def _judged(judged: Judged) -> dict[str, Any]:
    quantity = judged.quantity
    return {
        "name": quantity.name,
        "unit": quantity.unit,
        "better": str(quantity.better),
        "variants": [
            {"name": name, "valid_runs": len(judged.replicates.figures_of(name))} | _estimate(judged.estimate(name))
            for name in judged.replicates.variants
        ],
        "half_width": judged.half_width,
        "verdicts": [_verdict(each) for each in judged.verdicts],
    }


def _estimate(estimate: TEstimate) -> dict[str, Any]:
    interval = estimate.interval()
    return {"value": estimate.value, "interval": None if interval is None else [interval.low, interval.high]}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    comparison, interval = verdict.comparison, verdict.comparison.interval()
    return {
        "a": comparison.a,
        "b": comparison.b,
        "verdict": str(verdict.word),
        "ratio": comparison.ratio,
        "bounded": comparison.is_bounded,
        "interval": None if interval is None else [interval.low, interval.high],
        "rounds": comparison.rounds,
        "confidence": comparison.confidence,
        "detectable": verdict.detectable,
        "reason": verdict.reason,
    }
