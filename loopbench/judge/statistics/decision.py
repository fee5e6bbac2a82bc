"""The one decision behind every word: does an interval lie inside a region, outside it, or across an edge?"""

import math
from enum import Enum
from typing import NamedTuple, Self

from loopbench.judge.statistics.intervals import Interval


class Decision(Enum):
    """How an interval lies to a region."""

    INSIDE = "all of it lies in the region"
    OUTSIDE = "none of it lies in the region"
    OPEN = "it lies across an edge"


class Region(NamedTuple):
    """Values from `low` to `high`, both included."""

    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def around(cls, value: float, share: float) -> Self:
        """Within a share of a value either way, as a ratio (0.05: from value / 1.05 to 1.05 value)."""
        return cls(value / (1 + share), value * (1 + share))

    @classmethod
    def above(cls, value: float) -> Self:
        """Everything above a value, the value excluded."""
        return cls(low=math.nextafter(value, math.inf))


NO_DIFFERENCE = Region(1.0, 1.0)  # of a ratio


def decide(interval: Interval, region: Region) -> Decision:
    """Whether an interval lies inside a region, outside it, or across an edge."""
    if interval.high < region.low or interval.low > region.high:
        return Decision.OUTSIDE
    return Decision.INSIDE if region.low <= interval.low and interval.high <= region.high else Decision.OPEN
