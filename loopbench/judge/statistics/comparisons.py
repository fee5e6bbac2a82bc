"""Variants compared from one figure a run: paired inside rounds, and how many rounds that takes.

That there is one figure a run is `replicates`' business.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from scipy import special

from loopbench.judge.statistics.intervals import (
    ALPHA,
    CONFIDENCE,
    Estimate,
    Interval,
    TEstimate,
    expm1_or_inf,
    t_quantile,
)
from loopbench.judge.statistics.replicates import MissingRun, Replicates

MIN_ROUNDS: Final = 5
"""No session stops before, and nothing is called EQUIVALENT before."""


@dataclass(frozen=True)
class Comparison:
    """Variant `a` over variant `b`, paired inside rounds, so that what moves a whole round cancels.

    Args:
        a: the variant above the line.
        b: the variant below it.
        estimate: over ln(value of a / value of b), one a round in which both have a figure.
        missing: why the other rounds have none.
    """

    a: str
    b: str
    estimate: TEstimate
    missing: tuple[MissingRun, ...] = ()

    @property
    def rounds(self) -> int:
        """Rounds in which both variants have a figure."""
        return self.estimate.count

    @property
    def ratio(self) -> float | None:
        """Value of a over value of b; None when no round has both."""
        return self.estimate.value

    def interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """Of the ratio; None below two rounds."""
        return self.estimate.interval(confidence)

    @property
    def half_width(self) -> float | None:
        """Of the ratio's 95 % interval, as a part of it; None below two rounds."""
        return self.estimate.half_width

    def detectable(self, alpha: float = ALPHA) -> float | None:
        """The smallest difference (0.1: 10 %) these rounds would have shown with 80 % power; None below two rounds."""
        return self.estimate.detectable(alpha)

    def rounds_needed(self, precision: float) -> int | None:
        """How many rounds in all the wanted half-width takes at the spread seen so far; None below two rounds."""
        if self.estimate.error is None:
            return None
        return rounds_needed(self.estimate.error * math.sqrt(self.rounds), precision)


def compare(replicates: Replicates, a: str, b: str) -> Comparison:
    """Pair two variants round by round.

    Raises:
        NotReplicatesError: one of them is in no round.
    """
    above, below = replicates.by_round(a), replicates.by_round(b)
    logs = tuple(math.log(value / below[number]) for number, value in above.items() if number in below)
    return Comparison(a, b, Estimate(logs), tuple(m for m in replicates.missing if m.variant in {a, b}))


def compare_all(replicates: Replicates, baseline: str | None = None) -> tuple[Comparison, ...]:
    """Every pair once. With a baseline, its pairs come first and it stands below the line.

    Raises:
        NotReplicatesError: the baseline is in no round.
    """
    if baseline is not None:
        replicates.by_round(baseline)
    order = sorted(replicates.variants, key=lambda variant: variant == baseline)
    pairs = sorted(combinations(order, 2), key=lambda pair: pair[1] != baseline)
    return tuple(compare(replicates, a, b) for a, b in pairs)


def estimate(replicates: Replicates, variant: str) -> Estimate:
    """One variant's own figure over its runs: for charts; two of these are no comparison (the rounds do not cancel).

    Raises:
        NotReplicatesError: the variant is in no round.
    """
    return Estimate(tuple(math.log(value) for value in replicates.by_round(variant).values()))


def half_width(spread: float, rounds: int) -> float:
    """Of a 95 % interval at this spread of log-ratios, as a part of the ratio."""
    return expm1_or_inf(t_quantile((1 + CONFIDENCE) / 2, rounds - 1) * spread / math.sqrt(rounds))


def rounds_needed(spread: float, precision: float) -> int:
    """The fewest rounds for which the 95 % half-width is at most the wanted precision (0.05: +-5 %).

    Raises:
        ValueError: the precision is not above 0.
    """
    if precision <= 0:
        raise ValueError(f"a precision of {precision:g} takes for ever; it must be above 0")
    normal = special.ndtri((1 + CONFIDENCE) / 2)
    rounds = max(2, math.ceil((normal * spread / math.log1p(precision)) ** 2))  # t is wider: never too many
    while half_width(spread, rounds) > precision:
        rounds += 1
    return rounds


def rounds_still_needed(comparisons: Sequence[Comparison], precision: float) -> int | None:
    """Until every comparison is precise and `MIN_ROUNDS` are reached; 0 means stop; None: too early to say."""
    left = [MIN_ROUNDS - min((c.rounds for c in comparisons), default=0), 0]
    for comparison in comparisons:
        needed = comparison.rounds_needed(precision)
        if needed is None:
            return None
        left.append(needed - comparison.rounds)
    return max(left)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for being looked at together, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return tuple(adjusted)
