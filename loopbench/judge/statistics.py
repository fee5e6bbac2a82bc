"""What one figure per run supports: paired comparisons, their intervals, and how many rounds they take.

Owns the arithmetic. That there is one figure per run is `replicates`' business, what the numbers mean in words is
`verdict`'s.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from loopbench.judge.replicates import MissingRun, Replicates

CONFIDENCE: Final = 0.95
ALPHA: Final = 1 - CONFIDENCE
POWER: Final = 0.80
"""How often the smallest detectable difference would have been detected."""
MIN_ROUNDS: Final = 5
"""No session stops before, and nothing is called EQUIVALENT before."""


class Interval(NamedTuple):
    """From where to where, at a confidence between 0 and 1."""

    low: float
    high: float
    confidence: float = CONFIDENCE

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside."""
        return not self.low <= value <= self.high

    def lies_inside(self, low: float, high: float) -> bool:
        """Whether all of it lies between the two."""
        return low <= self.low and self.high <= high


class TEstimate(ABC):
    """A ratio on the scale of logarithms: its mean, the standard error of that, and Student's t with its freedom."""

    @property
    @abstractmethod
    def mean(self) -> float | None:
        """Natural logarithm of the value; None without values."""

    @property
    @abstractmethod
    def error(self) -> float | None:
        """Standard error of the mean; None where it cannot be told."""

    @property
    @abstractmethod
    def freedom(self) -> float:
        """Degrees of freedom of the standard error; need not be whole."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many values it rests on; of two kinds of them, how many of the rarer one."""

    @property
    def allowance(self) -> float:
        """How much the interval is widened either way for what no spread shows, as a logarithm."""
        return 0.0

    @cached_property
    def value(self) -> float | None:
        """The geometric mean; None without values."""
        return None if self.mean is None else math.exp(self.mean)

    def interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """exp(mean -+ t error), and the allowance on top; None without an error."""
        if self.mean is None or self.error is None:
            return None
        reach = t_quantile((1 + confidence) / 2, self.freedom) * self.error + self.allowance
        return Interval(math.exp(self.mean - reach), math.exp(self.mean + reach), confidence)

    @cached_property
    def half_width(self) -> float | None:
        """How far the 95 % interval reaches up, as a part of the value (0.05: +5 %); None without an error."""
        if self.error is None:
            return None
        return _expm1(t_quantile((1 + CONFIDENCE) / 2, self.freedom) * self.error + self.allowance)

    @cached_property
    def p_value(self) -> float | None:
        """Two-sided, of the true value being 1, or as near to it as the allowance; None without an error."""
        if self.mean is None or self.error is None:
            return None
        beyond = max(0.0, abs(self.mean) - self.allowance)
        if self.error == 0:
            return 1.0 if beyond == 0 else 0.0
        return float(2 * special.stdtr(self.freedom, -beyond / self.error))

    def detectable(self, alpha: float) -> float | None:
        """The smallest difference (0.1: 10 %) that would have been shown with 80 % power; None without an error.

        (t(1 - alpha/2) + t(power)) error: Bloom, "Minimum detectable effects", Evaluation Review 19 (1995).
        """
        if self.error is None:
            return None
        reach = t_quantile(1 - alpha / 2, self.freedom) + t_quantile(POWER, self.freedom)
        return _expm1(reach * self.error + self.allowance)


@dataclass(frozen=True)
class Estimate(TEstimate):
    """A geometric mean over runs, with what Student's t says of it: exact where the logarithms are normal.

    Args:
        logs: natural logarithms, one a run or one a round.
    """

    logs: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many values it rests on."""
        return len(self.logs)

    @property
    def freedom(self) -> float:
        """One less than the values."""
        return self.count - 1

    @cached_property
    def mean(self) -> float | None:
        """Of the logarithms."""
        return math.fsum(self.logs) / self.count if self.logs else None

    @cached_property
    def spread(self) -> float | None:
        """Standard deviation of the logarithms (0.05: about 5 %); None below two values."""
        if self.mean is None or self.count < 2:
            return None
        return math.sqrt(math.fsum((log - self.mean) ** 2 for log in self.logs) / (self.count - 1))

    @cached_property
    def error(self) -> float | None:
        """Spread over the root of the count; None below two values."""
        return None if self.spread is None else self.spread / math.sqrt(self.count)


@dataclass(frozen=True)
class UnpairedEstimate(TEstimate):
    """The ratio of two geometric means from different sessions: nothing pairs their runs, so nothing cancels.

    Welch's t with Satterthwaite's degrees of freedom (Biometrika 34, 1947): two spreads, which need not be equal.

    Args:
        above: over the runs above the line.
        below: over the runs below it.
        drift: how much the machine itself changed from one session to the other, as a logarithm: what runs of one
            session cannot show. The interval is that much wider either way.
    """

    above: Estimate
    below: Estimate
    drift: float = 0.0

    @property
    def allowance(self) -> float:
        """The drift."""
        return self.drift

    @property
    def count(self) -> int:
        """Runs of the session that has fewer."""
        return min(self.above.count, self.below.count)

    @cached_property
    def mean(self) -> float | None:
        """Of the ratio's logarithm; None when one side has no value."""
        if self.above.mean is None or self.below.mean is None:
            return None
        return self.above.mean - self.below.mean

    @cached_property
    def error(self) -> float | None:
        """The root of both squared errors; None when one side has fewer than two runs."""
        if self.above.error is None or self.below.error is None:
            return None
        return math.hypot(self.above.error, self.below.error)

    @cached_property
    def freedom(self) -> float:
        """Satterthwaite's, between the smaller side's and both together."""
        sides = [(each.error or 0.0, each.freedom) for each in (self.above, self.below)]
        squares = [error**2 for error, _ in sides]
        if not sum(squares):
            return min(freedom for _, freedom in sides)
        return sum(squares) ** 2 / sum(
            square**2 / freedom for square, (_, freedom) in zip(squares, sides, strict=True) if square
        )


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
    return _expm1(t_quantile((1 + CONFIDENCE) / 2, rounds - 1) * spread / math.sqrt(rounds))


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


def samples_needed(quantile: float) -> int:
    """The fewest samples whose largest exceeds the true quantile with 97.5 % certainty: q^n <= 0.025.

    Below that a two-sided 95 % interval of the quantile has no upper end (72 for p95, 368 for p99, 3688 for p99.9).
    """
    assert 0 < quantile < 1, f"a quantile lies between 0 and 1, not at {quantile}"
    return math.ceil(math.log(ALPHA / 2) / math.log(quantile))


def percentile(values: Sequence[float] | np.ndarray, quantile: float) -> float | None:
    """The nearest-rank quantile (0.99: p99) in the values' own unit; None when there are too few to know it.

    A request that was never answered counts as infinity: it was slower than everything that was.
    """
    ordered = np.asarray(values, dtype=float)
    assert not np.isnan(ordered).any(), "a missing latency is infinity (unanswered) or not in the list"
    if len(ordered) < samples_needed(quantile):
        return None
    return float(np.quantile(ordered, quantile, method="inverted_cdf"))


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """Of Student's t; degrees of freedom need not be whole."""
    return float(special.stdtrit(freedom, probability))


def _expm1(log: float) -> float:
    """Infinity where a float ends: two rounds can be that wide."""
    return math.expm1(log) if log < 700 else math.inf
