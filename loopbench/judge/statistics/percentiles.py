"""Percentiles that know how many samples they take."""

import math
from collections.abc import Sequence

import numpy as np

from loopbench.judge.statistics.intervals import ALPHA


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
