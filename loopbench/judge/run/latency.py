"""Response times of good answers: percentiles where there are enough of them, bounds where there are not.

These are response times *given at most N requests in flight* (a closed loop): when the server stalls, so do the
arrivals. They are never shown without the users that were never served (`occupancy`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from loopbench.judge.figures import rounded
from loopbench.judge.run.samples import Samples
from loopbench.judge.run.slices import is_inside, parts_of
from loopbench.judge.statistics.bounds import Ends, quantile_ends
from loopbench.judge.statistics.percentiles import percentile, samples_needed
from loopbench.records.session import Phase

QUANTILES = (0.5, 0.95, 0.99, 0.999)
NAMES = ("p50", "p95", "p99", "p999")
BIN_SAMPLES = samples_needed(0.99)
BIN_USERS = 10  # a point of a latency curve ends when it holds this many answers or spans this many users

Floats = npt.NDArray[np.float64]
NO_TIMES = np.empty(0)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; None where there are too few samples, or requests without an answer reach them."""

    samples: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    between_ms: Mapping[str, Ends] = field(default_factory=dict)  # by name (`p99`); empty without a sample

    unanswered: int = 0  # of the samples

    @property
    def from_below(self) -> Self:
        """The same as lower bounds: of requests to a queue that begins empty, which take no less time later."""
        ends = {name: Ends(each.low, math.inf) for name, each in self.between_ms.items()}
        return replace(self, p50_ms=None, p95_ms=None, p99_ms=None, p999_ms=None, between_ms=ends)

    def is_endless(self, name: str) -> bool:
        """Whether requests without an answer reach a percentile."""
        return self.samples > 0 and self.unanswered / self.samples > 1 - QUANTILES[NAMES.index(name)]

    def shown(self, name: str) -> str:
        """A percentile, or the end of its interval that is known; empty without either."""
        value = getattr(self, f"{name}_ms")
        if value is not None:
            return rounded(value)
        low = self.between_ms[name].low if self.between_ms else 0.0
        return f"over {rounded(low)}" if low else ""


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """Percentiles of what was answered while the users were between two numbers."""

    users: float
    percentiles: Percentiles


def percentiles(answered_s: Floats, waited_s: Floats = NO_TIMES) -> Percentiles:
    """p50, p95, p99 and p99.9 in milliseconds, and between which ends each lies.

    Args:
        answered_s: how long the good answers took.
        waited_s: how long the requests without an answer had waited.
    """
    least_ms = 1000 * np.sort(np.concatenate((answered_s, waited_s)))
    most_ms = np.concatenate((1000 * np.sort(answered_s), np.full(len(waited_s), math.inf)))
    known_ms = (percentile(most_ms, quantile) for quantile in QUANTILES)
    p50, p95, p99, p999 = (None if value is None or math.isinf(value) else value for value in known_ms)
    ends = {name: quantile_ends(least_ms, most_ms, at) for name, at in zip(NAMES, QUANTILES, strict=True)}
    return Percentiles(len(least_ms), p50, p95, p99, p999, ends if len(least_ms) else {}, len(waited_s))


def window_percentiles(samples: Samples, name: str, window: Phase) -> Percentiles:
    """Response times of one request in a steady window, unanswered ones included.

    Requests are chosen by when they were sent: by when they were answered, the slowest would fall out at the end. One
    that waited from before the window until after it belongs to it too. Without an answer it counts as infinitely slow.
    """
    start_s, end_s = samples.rows["start_s"], samples.end_s
    unanswered = ~samples.finished | (samples.failed & (samples.rows["status"] == 0))
    concerned = is_inside(start_s, window)
    for part in parts_of(window):
        concerned |= (start_s < part.start_s) & ((end_s >= part.end_s) | ~samples.finished)
    chosen = samples.named(name) & samples.loaded & concerned
    latency_s = samples.rows["latency_s"].astype(np.float64)
    return percentiles(latency_s[chosen & samples.good], latency_s[chosen & unanswered])


def latency_curve(latencies_s: Floats, users: npt.NDArray[np.int_]) -> tuple[LatencyPoint, ...]:
    """Percentiles against users, in the order of users; both arrays have one value an answer."""
    order = np.argsort(users, kind="stable")
    sorted_users, sorted_latencies = users[order], latencies_s[order]
    edges = _edges(sorted_users)
    return tuple(
        LatencyPoint(float(sorted_users[a:b].mean()), percentiles(sorted_latencies[a:b])) for a, b in pairwise(edges)
    )


def _edges(users: npt.NDArray[np.int_]) -> list[int]:
    """Positions between which a point's answers lie; users of one number are never split."""
    levels = np.flatnonzero(np.diff(users, prepend=-1)).tolist()
    edges: list[int] = []
    for position in levels:
        if not edges or position - edges[-1] >= BIN_SAMPLES or users[position] - users[edges[-1]] >= BIN_USERS:
            edges.append(position)
    if len(edges) > 1 and len(users) - edges[-1] < samples_needed(0.95):
        edges.pop()
    return [*edges, len(users)]
