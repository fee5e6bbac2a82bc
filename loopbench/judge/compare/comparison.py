"""Before and after: is anything slower than it was? Two sessions, or two revisions inside one.

Revisions are variants of one session: paired inside its rounds like any. Nothing pairs the runs of two sessions: the
interval is Welch's, and what the machine itself changed in between (its canary) is added to it, because no spread
within one session shows it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from loopbench.judge.compare.likeness import Difference, code_of, differences, refusals
from loopbench.judge.compare.session_figures import SessionFigures
from loopbench.judge.diagnosis.diagnosis import Diagnosis
from loopbench.judge.rounds.rounds import goodput_quantity
from loopbench.judge.session.session_gates import Baseline, session_gates
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.bounds import unpaired
from loopbench.judge.statistics.comparisons import Comparison, compare
from loopbench.judge.statistics.decision import Decision, Region, decide
from loopbench.judge.statistics.intervals import Estimate, Interval
from loopbench.judge.statistics.verdict import Better, Quantity, Verdict, Word, judge

TOLERANCE: Final = 0.10
"""A loss is a regression when its whole 95 % interval lies beyond this: one that is shown, and that matters."""
BLIND: Final = 0.50  # where a loss of this size might have gone unseen, "no regression" would mean nothing


class Change(StrEnum):
    """The answer for one figure of B against A."""

    REGRESSION = "REGRESSION"
    NONE_SHOWN = "no regression shown"
    CANNOT_TELL = "CANNOT TELL"


@dataclass(frozen=True)
class Changed:
    """One variant in one quantity: after over before."""

    variant: str
    verdict: Verdict
    change: Change
    diagnosis: Diagnosis | None  # of the variant after; None without a ramp run


@dataclass(frozen=True)
class Comparing:
    """The result of `loopbench compare`."""

    before: str  # which session or revision, for people
    after: str
    changed: tuple[Changed, ...]
    only_in_one: tuple[str, ...]  # variants that cannot be compared
    unlike: tuple[Difference, ...]  # facts that differ besides the code, those that refuse it and the others
    drift: float | None  # of the machine between the two, as a logarithm (0.05: about 5 %); None: not known, or paired
    tolerance: float

    @property
    def regressions(self) -> tuple[Changed, ...]:
        """What is shown to be slower."""
        return tuple(each for each in self.changed if each.change is Change.REGRESSION)

    @property
    def undecided(self) -> tuple[Changed, ...]:
        """Goodput that cannot be decided; the tail of a neighbour is often too short to know."""
        unknown = (each for each in self.changed if each.change is Change.CANNOT_TELL)
        return tuple(each for each in unknown if each.verdict.quantity.better is Better.HIGHER)


def compare_sessions(a: SessionFigures, b: SessionFigures, tolerance: float = TOLERANCE) -> Comparing:
    """B against A, variant by variant; ratios are B over A.

    Args:
        a: before.
        b: after.
        tolerance: a loss up to this share is none.
    """
    drift = drift_between(a.canary_s, b.canary_s)
    names_a, names_b = ([each.name for each in side.record.scenario.variants] for side in (a, b))
    shared = [name for name in names_a if name in names_b]
    pairs = {name: (f"{name} in A", f"{name} in B") for name in shared}
    found: list[Changed] = []
    if a.goodput is None or b.goodput is None:
        lacking = " and ".join(side for side, figures in (("A", a), ("B", b)) if figures.goodput is None)
        found += _without_rounds(b, pairs, f"{lacking} has no rounds, so no interval", tolerance)
    for before, after in ((a.goodput, b.goodput), (a.neighbour, b.neighbour)):
        if before is not None and after is not None:
            comparisons = [
                Comparison(new, old, unpaired(after.estimate(name), before.estimate(name), drift or 0.0))
                for name, (old, new) in pairs.items()
            ]
            found += _judged(before.quantity, comparisons, list(pairs), b, tolerance)
    return Comparing(
        before=f"A: {a.folder}, code {code_of(a.record)}",
        after=f"B: {b.folder}, code {code_of(b.record)}",
        changed=tuple(found),
        only_in_one=tuple(name for name in dict.fromkeys([*names_a, *names_b]) if name not in shared),
        unlike=differences(a.record, b.record),
        drift=drift,
        tolerance=tolerance,
    )


def compare_revisions(
    figures: SessionFigures,
    pairs: Mapping[str, tuple[str, str]],
    before: str,
    after: str,
    tolerance: float = TOLERANCE,
) -> Comparing:
    """Variants of one session against each other, paired inside its rounds.

    Args:
        figures: of a session that measured both.
        pairs: what each is called, and its names before and after.
        before: where the one comes from, for people.
        after: where the other comes from.
        tolerance: a loss up to this share is none.
    """
    found: list[Changed] = []
    if figures.goodput is None:
        found += _without_rounds(figures, pairs, "there are no rounds, so no interval", tolerance)
    for judged in (figures.goodput, figures.neighbour):
        if judged is not None:
            comparisons = [compare(judged.replicates, new, old) for old, new in pairs.values()]
            found += _judged(judged.quantity, comparisons, list(pairs), figures, tolerance)
    return Comparing(before, after, tuple(found), (), (), None, tolerance)


def with_baseline(report: SessionReport, before: SessionReport, *, anyway: bool = False) -> SessionReport:
    """The same session with its gates compared with an earlier one.

    Args:
        report: the session that is judged.
        before: the baseline session.
        anyway: compare although they differ in more than the code; otherwise such gates cannot be decided.
    """
    unlike = () if anyway else tuple(each.sentence for each in refusals(before.record, report.record))
    drift = drift_between(before.canaries.median_s, report.canaries.median_s)
    gates = session_gates(report.record.scenario, report.runs, report.rounds, Baseline(before.rounds, drift, unlike))
    return replace(report, gates=gates)


def change_of(verdict: Verdict, tolerance: float) -> Change:
    """The answer for a ratio of new over old."""
    interval = verdict.comparison.interval()
    if verdict.word is Word.INVALID or interval is None:
        return Change.CANNOT_TELL
    if verdict.quantity.better is Better.LOWER:
        interval = Interval(1 / interval.high, 1 / interval.low if interval.low else math.inf)
    if decide(interval, Region(low=1 / (1 + tolerance))) is Decision.OUTSIDE:
        return Change.REGRESSION
    return Change.NONE_SHOWN if decide(interval, Region.above(BLIND)) is Decision.INSIDE else Change.CANNOT_TELL


def _judged(
    quantity: Quantity, comparisons: list[Comparison], names: list[str], after: SessionFigures, tolerance: float
) -> Iterator[Changed]:
    invalid = {pair.a: "it has no valid run on one of the two sides" for pair in comparisons if not pair.rounds}
    verdicts = judge(quantity, comparisons, invalid=invalid)
    for name, verdict in zip(names, verdicts, strict=True):
        yield Changed(name, verdict, change_of(verdict, tolerance), _diagnosis(after, name, verdict.comparison.a))


def _without_rounds(
    after: SessionFigures, pairs: Mapping[str, tuple[str, str]], reason: str, tolerance: float
) -> Iterator[Changed]:
    """One ramp run a variant has no interval, so nothing is decided."""
    quantity = goodput_quantity(after.record.scenario)
    comparisons = [Comparison(new, old, Estimate(())) for old, new in pairs.values()]
    invalid = {pair.a: reason for pair in comparisons}
    for name, verdict in zip(pairs, judge(quantity, comparisons, invalid=invalid), strict=True):
        yield Changed(name, verdict, change_of(verdict, tolerance), _diagnosis(after, name, verdict.comparison.a))


def _diagnosis(after: SessionFigures, *names: str) -> Diagnosis | None:
    return next((each for name, each in after.diagnoses.items() if name in names), None)


def drift_between(canary_a_s: float | None, canary_b_s: float | None) -> float | None:
    """How much longer the same fixed work took in one session than in the other, as a logarithm; None: not known."""
    return abs(math.log(canary_a_s / canary_b_s)) if canary_a_s and canary_b_s else None
