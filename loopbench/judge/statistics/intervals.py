"""What a handful of log-ratios supports: a ratio, its interval, the difference that would have shown."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from scipy import special

CONFIDENCE: Final = 0.95
ALPHA: Final = 1 - CONFIDENCE
POWER: Final = 0.80  # how often the smallest detectable difference would have been detected


class Interval(NamedTuple):
    """From where to where, at a confidence between 0 and 1."""

    low: float
    high: float
    confidence: float = CONFIDENCE


class TEstimate(ABC):
    """A ratio on the scale of logarithms: its mean, the standard error of that, and Student's t with its freedom."""

    is_bounded = False
    """Whether the interval comes from counts or order statistics: it may have one end only, and runs are not paired."""

    @property
    @abstractmethod
    def mean(self) -> float | None:
        """Natural logarithm of the value; None without values."""

    @property
    @abstractmethod
    def error(self) -> float | None:
        """Standard error of the mean; None where it is not known."""

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
        return Interval(math.exp(self.mean - reach), expm1_or_inf(self.mean + reach) + 1, confidence)

    @cached_property
    def half_width(self) -> float | None:
        """How far the 95 % interval reaches up, as a part of the value (0.05: +5 %); None without an error."""
        if self.error is None:
            return None
        return expm1_or_inf(t_quantile((1 + CONFIDENCE) / 2, self.freedom) * self.error + self.allowance)

    def detectable(self, alpha: float) -> float | None:
        """The smallest difference (0.1: 10 %) that would have been shown with 80 % power; None without an error.

        (t(1 - alpha/2) + t(power)) error: Bloom, "Minimum detectable effects", Evaluation Review 19 (1995).
        """
        if self.error is None:
            return None
        reach = t_quantile(1 - alpha / 2, self.freedom) + t_quantile(POWER, self.freedom)
        return expm1_or_inf(reach * self.error + self.allowance)


@dataclass(frozen=True)
class Estimate(TEstimate):
    """A geometric mean over runs, with Student's t: exact where the logarithms are normal."""

    logs: tuple[float, ...]  # natural logarithms, one a run or one a round

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
    """The ratio of two figures whose runs nothing pairs, as those of different sessions: nothing cancels.

    Welch's t with Satterthwaite's degrees of freedom (Biometrika 34, 1947): two spreads, which need not be equal.
    """

    above: TEstimate  # over the runs above the line
    below: TEstimate  # over the runs below it
    # how much the machine itself changed from one session to the other, as a logarithm: what runs of one session cannot
    # show. The interval is that much wider either way
    drift: float = 0.0

    @property
    def allowance(self) -> float:
        """The drift."""
        return self.drift

    @property
    def count(self) -> int:
        """Runs of the side that has fewer."""
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


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: float) -> float:
    """Of Student's t; degrees of freedom need not be whole."""
    return float(special.stdtrit(freedom, probability))


def expm1_or_inf(log: float) -> float:
    """`exp(log) - 1`; infinity where a float ends: two rounds can be that wide."""
    return math.expm1(log) if log < 700 else math.inf
