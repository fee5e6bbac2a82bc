"""Open mode: requests were due on a schedule, and everything is counted from when they were due.

Response time = received - due = lateness + latency; service time = received - sent = latency. When the server stalls,
response times grow by the wait of every request that was due meanwhile; service times, and everything a closed loop
can measure, leave that wait out (coordinated omission; Tene 2013). Requests without an answer are not dropped:
their users waited at least that long, and a percentile that reaches them is a lower bound.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loopbench.judge.run.latency import QUANTILES
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Floats, Mask, Samples
from loopbench.judge.statistics.percentiles import percentile
from loopbench.records import samples as layout

LATE_S = 0.005  # a start later than this is a late one (rule O1)

RATE_POINT_REQUESTS = 400
"""A point of a curve against offered rate ends when it holds so many due requests: enough for a p99."""

MAX_POINTS = 60


class Quantile(NamedTuple):
    """One percentile. `at_least`: requests without an answer reach down to it, so the true one may be larger."""

    ms: float
    at_least: bool


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles of one kind of time; None where there are too few requests to know them."""

    requests: int
    unanswered: int  # of them
    p50: Quantile | None
    p95: Quantile | None
    p99: Quantile | None
    p999: Quantile | None


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """What became of the requests that were due in a window of time, the end of it not included."""

    start_s: float
    end_s: float
    due: int
    unsent: int  # all users were busy until the load was over
    late: int  # sent more than LATE_S after they were due
    good: int  # answered as expected, whenever that was
    completed_good: int  # good answers that came inside the window, whenever they were due
    response: Times  # from due; requests never sent are among the unanswered
    service: Times  # from sent; requests never sent have none

    @property
    def offered_rps(self) -> float:
        """Requests due per second."""
        return self.due / (self.end_s - self.start_s)

    @property
    def achieved_rps(self) -> float:
        """Good answers per second."""
        return self.completed_good / (self.end_s - self.start_s)

    @property
    def late_share(self) -> float | None:
        """Of the due requests, how many were started late or never (0 to 1); None when none was due."""
        return (self.late + self.unsent) / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class OpenMode:
    """A run whose requests were due on a schedule."""

    label: str  # of its variant
    points: tuple[OpenLoop, ...]  # in the order in which the rate climbed
    hold: OpenLoop | None = None

    @property
    def late_share(self) -> float | None:
        """Of everything that was due, how much was started late or never (0 to 1); None when nothing was due."""
        due = sum(point.due for point in self.points)
        return sum(point.late + point.unsent for point in self.points) / due if due else None


def open_mode(run: Run) -> OpenMode:
    """The climb of a run and its hold, as far as there are any."""
    ramp, hold = run.phase(layout.PHASE_RAMP), run.phase(layout.PHASE_HOLD)
    climb = rate_curve(run.samples, ramp.start_s, ramp.end_s) if ramp.width_s > 0 else []
    held = open_loop(run.samples, hold.start_s, hold.end_s) if hold.width_s > 0 else None
    return OpenMode(run.variant.name, tuple(climb), held)


def open_loop(samples: Samples, start_s: float, end_s: float) -> OpenLoop:
    """Everything about the requests that were due in [start_s, end_s), in seconds after the generator's origin."""
    assert start_s < end_s, f"a window from {start_s} to {end_s}"
    due_s = due_times_s(samples)
    chosen = samples.loaded & (due_s >= start_s) & (due_s < end_s)
    unsent_s = _unsent_waits_s(samples, start_s, end_s)
    came = samples.loaded & samples.good & (samples.end_s >= start_s) & (samples.end_s < end_s)
    late_s = samples.rows["late_s"][chosen]
    return OpenLoop(
        start_s=start_s,
        end_s=end_s,
        due=int(np.count_nonzero(chosen)) + len(unsent_s),
        unsent=len(unsent_s),
        late=int(np.count_nonzero(late_s > LATE_S)),
        good=int(np.count_nonzero(chosen & samples.good)),
        completed_good=int(np.count_nonzero(came)),
        response=response_times(samples, chosen, unsent_s),
        service=service_times(samples, chosen),
    )


def rate_curve(samples: Samples, start_s: float, end_s: float, requests: int = RATE_POINT_REQUESTS) -> list[OpenLoop]:
    """Consecutive windows of [start_s, end_s), each with at least so many due requests, in order of time."""
    due_s = due_times_s(samples)[samples.loaded]
    unsent = [at_s for at_s, count in _unsent(samples) for _ in range(count)]
    inside_s = np.sort(np.concatenate((due_s, unsent)))
    inside_s = inside_s[(inside_s >= start_s) & (inside_s < end_s)]
    if not len(inside_s):
        return []
    windows = min(MAX_POINTS, max(1, len(inside_s) // requests))
    first = [len(inside_s) * index // windows for index in range(1, windows)]
    edges_s = [start_s, *inside_s[first].tolist(), end_s]
    bounds = [(a, b) for a, b in pairwise(edges_s) if a < b]
    return [open_loop(samples, a, b) for a, b in bounds]


def due_times_s(samples: Samples) -> Floats:
    """When each request was due, in seconds after the generator's origin."""
    return np.asarray(samples.rows["start_s"] - samples.rows["late_s"], dtype=np.float64)


def response_times(samples: Samples, chosen: Mask, unsent_waits_s: Floats | None = None) -> Times:
    """From due to the answer, of the chosen requests and of those that were never sent.

    Failures with an answer have no place among the times of good answers; failures without one (a timeout, a reset)
    and what was unfinished at the end count as unanswered after the time they were waited for.
    """
    waited_s = samples.rows["late_s"].astype(np.float64) + samples.rows["latency_s"]
    return _times(samples, chosen, waited_s, np.empty(0) if unsent_waits_s is None else unsent_waits_s)


def service_times(samples: Samples, chosen: Mask) -> Times:
    """From sent to the answer, of the chosen requests; as in `response_times`."""
    return _times(samples, chosen, samples.rows["latency_s"].astype(np.float64), np.empty(0))


def _times(samples: Samples, chosen: Mask, waited_s: Floats, more_unanswered_s: Floats) -> Times:
    answered_s = waited_s[chosen & samples.good]
    silent = chosen & ~samples.good & (samples.rows["status"] == 0)
    unanswered_s = np.concatenate((waited_s[silent], more_unanswered_s))
    quantiles = (_quantile(answered_s, unanswered_s, each) for each in QUANTILES)
    return Times(len(answered_s) + len(unanswered_s), len(unanswered_s), *quantiles)


def _quantile(answered_s: Floats, unanswered_s: Floats, quantile: float) -> Quantile | None:
    """Known exactly if it is the same whether those without an answer took just that long or for ever."""
    least_s = percentile(np.concatenate((answered_s, unanswered_s)), quantile)
    most_s = percentile(np.concatenate((answered_s, np.full(len(unanswered_s), math.inf))), quantile)
    if least_s is None or most_s is None:
        return None
    return Quantile(least_s * 1000, at_least=most_s != least_s)


def _unsent(samples: Samples) -> list[tuple[float, int]]:
    """Requests that were never sent: (none of the group was due later, how many)."""
    return [(at_s, int(count)) for at_s, kind, count in samples.events if kind == layout.EVENT_DUE_UNSENT]


def _unsent_waits_s(samples: Samples, start_s: float, end_s: float) -> npt.NDArray[np.float64]:
    """How long each of them had waited at least when the load was over."""
    ended_s = max((at_s for at_s, kind, _ in samples.events if kind == layout.EVENT_LOAD_ENDED), default=end_s)
    groups = [(at_s, count) for at_s, count in _unsent(samples) if start_s <= at_s < end_s]
    return np.repeat([ended_s - at_s for at_s, _ in groups], [count for _, count in groups]).astype(np.float64)
