"""Response times of good answers: percentiles where there are enough of them, a gap where there are not.

These are response times *given at most N requests in flight* (a closed loop): when the server stalls, so do the
arrivals. They are never shown without the users nobody answered (`occupancy`).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FLOORS = {50.0: 5, 95.0: 72, 99.0: 368, 99.9: 3688}
"""Samples needed before a percentile is worth printing (docs/measurement.md, section 7)."""

BIN_SAMPLES = 368
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
    """p50, p95, p99 and p99.9 in milliseconds, each only above its floor."""
    count = len(latencies_s)
    known = [each for each, floor in FLOORS.items() if count >= floor]
    values = dict(zip(known, np.percentile(latencies_s, known) * 1000, strict=True)) if known else {}
    p50, p95, p99, p999 = (float(values[each]) if each in values else None for each in FLOORS)
    return Percentiles(count, p50, p95, p99, p999)


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
    if len(edges) > 1 and len(users) - edges[-1] < FLOORS[95.0]:
        edges.pop()
    return [*edges, len(users)]
