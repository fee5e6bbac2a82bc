"""Figures that are bounded instead of estimated: few events in a window, and quantiles that unanswered requests reach.

A count of k events in t seconds bounds its rate exactly (Garwood, "Fiducial limits for the Poisson distribution",
Biometrika 28, 1936), also where k is 0. Runs that differ by more than chance are worth fewer events: the counts are
divided by their index of dispersion (McCullagh and Nelder, Generalized Linear Models, 1989, section 6.2.3). A quantile
lies between two order statistics (David and Nagaraja, Order Statistics, 2003, section 7.1), of which the upper one
may be an answer that never came. The ratio of two independent figures lies in the quotient of their intervals, each at
the root of the confidence (Sidak, JASA 62, 1967).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from loopbench.judge.statistics.intervals import ALPHA, CONFIDENCE, Estimate, Interval, TEstimate, UnpairedEstimate

Floats = npt.NDArray[np.float64]
MIN_EVENTS: Final = 100  # events of a run from which its rate is an estimate: chance moves it by at most a tenth


class Count(NamedTuple):
    """Events of one run, in the seconds in which they were counted."""

    events: int
    seconds: float


class Ends(NamedTuple):
    """Where one run's quantile lies (95 %); `high` is infinite where requests without an answer reach it."""

    low: float
    high: float


class _Bounded(TEstimate):
    """An estimate whose interval does not come from a spread over runs alone."""

    is_bounded = True

    @property
    def mean(self) -> float | None:
        """Of the logarithm; None where the value is 0 or not known."""
        return math.log(self.value) if self.value else None

    @property
    def error(self) -> None:
        """There is none: the interval is not symmetrical."""
        return

    @property
    def freedom(self) -> float:
        """None are used."""
        return 0.0

    @cached_property
    def half_width(self) -> float | None:
        """How far the interval reaches up, as a part of the value; infinite where either has no end."""
        interval = self.interval()
        return interval.high / self.value - 1 if interval and self.value else math.inf


@dataclass(frozen=True)
class RateEstimate(_Bounded):
    """Events per second from the counts of all runs together."""

    counts: tuple[Count, ...]  # one a run

    @property
    def count(self) -> int:
        """Runs."""
        return len(self.counts)

    @cached_property
    def value(self) -> float | None:
        """All events over all seconds; 0 is a figure. None without a second."""
        return self._events / self._seconds if self._seconds else None

    def interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """Of the rate."""
        if not self._seconds:
            return None
        events, seconds = self._events / self._dispersion, self._seconds / self._dispersion
        tail = (1 - confidence) / 2
        low = special.gammaincinv(events, tail) if events else 0.0
        return Interval(float(low) / seconds, float(special.gammainccinv(events + 1, tail)) / seconds, confidence)

    @cached_property
    def _events(self) -> int:
        return sum(count.events for count in self.counts)

    @cached_property
    def _seconds(self) -> float:
        return math.fsum(count.seconds for count in self.counts)

    @cached_property
    def _dispersion(self) -> float:
        """How much more the runs differ than chance would make them, as a ratio of variances; at least 1."""
        if self.count < 2 or not self._events:
            return 1.0
        expected = [self._events * count.seconds / self._seconds for count in self.counts]
        squares = [(count.events - mean) ** 2 / mean for count, mean in zip(self.counts, expected, strict=True) if mean]
        return max(1.0, math.fsum(squares) / (self.count - 1))


@dataclass(frozen=True)
class QuantileEstimate(_Bounded):
    """A quantile over runs that each know it only between two ends: Student's t of the lows, and of the highs."""

    ends: tuple[Ends, ...]  # one a run

    @property
    def count(self) -> int:
        """Runs."""
        return len(self.ends)

    @property
    def value(self) -> None:
        """Not known."""
        return

    def interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """Of the quantile; None below two runs."""
        low = _t_limits([each.low for each in self.ends], confidence)
        high = _t_limits([each.high for each in self.ends], confidence)
        return None if low is None or high is None else Interval(low.low, high.high, confidence)


@dataclass(frozen=True)
class BoundedRatio(_Bounded, UnpairedEstimate):
    """The ratio of two variants of which at least one is bounded."""

    @cached_property
    def value(self) -> float | None:
        """Above over below; None where one of them is not known, or the lower one is 0."""
        if self.above.value is None or not self.below.value:
            return None
        return self.above.value / self.below.value

    def interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """Of the ratio; None where one side has no interval."""
        above, below = (side.interval(math.sqrt(confidence)) for side in (self.above, self.below))
        if above is None or below is None:
            return None
        wider = math.exp(self.drift)
        low = above.low / below.high / wider if math.isfinite(above.low) else 0.0
        return Interval(low, above.high / below.low * wider if below.low else math.inf, confidence)


def unpaired(above: TEstimate, below: TEstimate, drift: float = 0.0) -> TEstimate:
    """The ratio of two figures whose runs nothing pairs, by Welch's t where both are estimates."""
    if isinstance(above, Estimate) and isinstance(below, Estimate):
        return UnpairedEstimate(above, below, drift)
    return BoundedRatio(above, below, drift)


def inverse(ratio: TEstimate) -> TEstimate:
    """1 over a ratio: the same runs, seen from the other side."""
    if isinstance(ratio, UnpairedEstimate):
        return replace(ratio, above=ratio.below, below=ratio.above)
    assert isinstance(ratio, Estimate), f"{type(ratio).__name__} is no ratio"
    return Estimate(tuple(-log for log in ratio.logs))


def quantile_ends(ordered_low: Floats, ordered_high: Floats, quantile: float) -> Ends:
    """Where the quantile of one run lies (95 %).

    Args:
        ordered_low: ascending; a value without an end counts as what is known of it.
        ordered_high: ascending; the same values, without an end infinite.
        quantile: between 0 and 1.
    """
    count = len(ordered_low)
    first = _binomial_quantile(ALPHA / 2, count, quantile)
    last = _binomial_quantile(1 - ALPHA / 2, count, quantile)
    low = float(ordered_low[first - 1]) if first else 0.0
    return Ends(low, float(ordered_high[last]) if last < count else math.inf)


def _binomial_quantile(probability: float, count: int, share: float) -> int:
    """The smallest number of successes that at most this probability leaves below or at it."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if special.bdtr(middle, count, share) >= probability else (middle + 1, high)
    return low


def _t_limits(values: Sequence[float], confidence: float) -> Interval | None:
    if len(values) < 2:
        return None
    if not all(0 < value < math.inf for value in values):
        return Interval(0.0, math.inf, confidence)
    return Estimate(tuple(map(math.log, values))).interval(confidence)
