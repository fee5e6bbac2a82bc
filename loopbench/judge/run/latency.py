"""Response times of good answers: percentiles where there are enough of them, a gap where there are not.

These are response times *given at most N requests in flight* (a closed loop): when the server stalls, so do the
arrivals. They are never shown without the users that were never served (`occupancy`).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from loopbench.judge.statistics.percentiles import percentile, samples_needed

QUANTILES = (0.5, 0.95, 0.99, 0.999)
BIN_SAMPLES = samples_needed(0.99)
BIN_USERS = 10
"""A point of a latency curve ends when it holds this many answers or spans this many users."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds; None where there are too few samples."""

    samples: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p999_ms: float | None


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """Percentiles of what was answered while the users were between two numbers."""

    users: float
    percentiles: Percentiles


def percentiles(latencies_s: Floats) -> Percentiles:
    """p50, p95, p99 and p99.9 in milliseconds, each only where there are samples enough to know it."""
    known_s = (percentile(latencies_s, quantile) for quantile in QUANTILES)
    p50, p95, p99, p999 = (None if value is None else value * 1000 for value in known_s)
    return Percentiles(len(latencies_s), p50, p95, p99, p999)


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
