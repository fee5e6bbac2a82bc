"""Variants compared from one figure a run: paired inside rounds, and how many rounds that takes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from scipy import special

from loopbench.judge.statistics.bounds import BoundedRatio, Count, Ends, QuantileEstimate, RateEstimate
from loopbench.judge.statistics.intervals import (
    CONFIDENCE,
    Estimate,
    Interval,
    TEstimate,
    expm1_or_inf,
    t_quantile,
)
from loopbench.judge.statistics.replicates import MissingRun, Replicates, RunFigure

ONE_RUN: Final = math.log(1.25)
"""Between two runs of one variant, as a logarithm: identical runs on a shared 2-core machine differ by up to 14 %."""
MIN_ROUNDS: Final = 5  # no session stops before


@dataclass(frozen=True)
class Comparison:
    """Variant `a` over variant `b`, paired inside rounds, so that what moves a whole round cancels."""

    a: str  # the variant above the line
    b: str  # the variant below it
    # over ln(value of a / value of b), one a round in which both have a figure; the ratio of two bounded figures where
    # one of them is only bounded in some round
    estimate: TEstimate
    missing: tuple[MissingRun, ...] = ()  # why the other rounds have none
    # of its interval; above 95 % where several comparisons are judged together (`verdict.judge`)
    confidence: float = CONFIDENCE

    @property
    def rounds(self) -> int:
        """Rounds in which both variants have a figure."""
        return self.estimate.count

    @property
    def is_bounded(self) -> bool:
        """Whether the interval comes from counts or order statistics."""
        return self.estimate.is_bounded

    @property
    def ratio(self) -> float | None:
        """Value of a over value of b; None when no round has both."""
        return self.estimate.value

    def interval(self) -> Interval | None:
        """Of the ratio; None below two rounds."""
        return self.estimate.interval(self.confidence)

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches up, as a part of the ratio; None below two rounds."""
        interval = self.interval()
        if interval is None:
            return None
        return interval.high / self.ratio - 1 if self.ratio else math.inf

    def detectable(self) -> float | None:
        """The smallest difference (0.1: 10 %) these rounds would have shown with 80 % power; None below two rounds."""
        return self.estimate.detectable(1 - self.confidence)

    def rounds_needed(self, precision: float) -> int | None:
        """How many rounds in all the wanted half-width takes at the spread seen so far; None below two rounds."""
        if self.estimate.error is None:
            return None
        return rounds_needed(self.estimate.error * math.sqrt(self.rounds), precision, self.confidence)


def compare(replicates: Replicates, a: str, b: str) -> Comparison:
    """Pair two variants round by round; where one is only bounded, compare all their runs together."""
    above, below = replicates.figures_of(a), replicates.figures_of(b)
    pairs = [(figure, below[number]) for number, figure in above.items() if number in below]
    logs = [math.log(x.value / y.value) for x, y in pairs if x.value is not None and y.value is not None]
    ratio: TEstimate = Estimate(tuple(logs))
    if len(logs) < len(pairs):
        ratio = _bounded(list(above.values()), list(below.values()))
    return Comparison(a, b, ratio, tuple(m for m in replicates.missing if m.variant in {a, b}))


def _bounded(above: Sequence[RunFigure], below: Sequence[RunFigure]) -> TEstimate:
    """Of all runs of both variants, in whichever rounds they have one."""
    few = 1 in (len(above), len(below))
    return BoundedRatio(_side(above), _side(below), ONE_RUN if few else 0.0)


def _side(runs: Sequence[RunFigure]) -> TEstimate:
    """One variant's figure; a single run has no spread, but its count (and `ONE_RUN` allows for other runs)."""
    only = runs[0].bounds
    return RateEstimate((only,)) if len(runs) == 1 and isinstance(only, Count) else over_runs(runs)


def over_runs(figures: Iterable[RunFigure]) -> TEstimate:
    """One variant's own figure: the geometric mean of its runs, or what bounds it where a run has no value."""
    runs = tuple(figures)
    counts = tuple(run.bounds for run in runs if isinstance(run.bounds, Count))
    ends = tuple(run.bounds for run in runs if isinstance(run.bounds, Ends))
    values = [run.value for run in runs if run.value is not None]
    if len(values) == len(runs):
        return Estimate(tuple(map(math.log, values)))
    return RateEstimate(counts) if counts else QuantileEstimate(ends)


def compare_all(replicates: Replicates) -> tuple[Comparison, ...]:
    """Every pair once."""
    return tuple(compare(replicates, a, b) for a, b in combinations(replicates.variants, 2))


def estimate(replicates: Replicates, variant: str) -> TEstimate:
    """One variant's own figure over its runs: for charts; two of these are no comparison (the rounds do not cancel)."""
    return over_runs(replicates.figures_of(variant).values())


def half_width(spread: float, rounds: int, confidence: float = CONFIDENCE) -> float:
    """Of an interval at this spread of log-ratios, as a part of the ratio."""
    return expm1_or_inf(t_quantile((1 + confidence) / 2, rounds - 1) * spread / math.sqrt(rounds))


def rounds_needed(spread: float, precision: float, confidence: float = CONFIDENCE) -> int:
    """The fewest rounds for which the half-width is at most the wanted precision (0.05: +-5 %)."""
    if precision <= 0:
        raise ValueError(f"a precision of {precision:g} takes for ever; it must be above 0")
    normal = special.ndtri((1 + confidence) / 2)
    rounds = max(2, math.ceil((normal * spread / math.log1p(precision)) ** 2))  # t is wider: never too many
    while half_width(spread, rounds, confidence) > precision:
        rounds += 1
    return rounds


def rounds_still_needed(comparisons: Sequence[Comparison], precision: float) -> int | None:
    """Until every comparison is precise and `MIN_ROUNDS` are reached; 0 means stop; None: too early to say."""
    left = [MIN_ROUNDS - min((c.rounds for c in comparisons), default=0), 0]
    for comparison in comparisons:
        if comparison.is_bounded:  # it will not become precise
            continue
        needed = comparison.rounds_needed(precision)
        if needed is None:
            return None
        left.append(needed - comparison.rounds)
    return max(left)
