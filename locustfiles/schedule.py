"""When requests are due in open mode: one schedule for the whole generator, drawn from a seed. No clock, no I/O.

The rate may rise or fall in a straight line and then stay. Arrivals are laid out evenly (constant) or by a Poisson
process (exponential) in units of the expected number of requests, and moved to time by inverting the integral of the
rate (Lewis and Shedler 1979; Cinlar 1975), so that a ramp has no steps.
"""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from loopbench.records.load_order import ARRIVALS_EXPONENTIAL, LoadOrder
from loopbench.records.session import KIND_RAMP


@dataclass(frozen=True)
class Rate:
    """Requests per second over time: from one to another in a straight line, then unchanged.

    At least one of the two rates is above 0, and the last one always is.
    """

    from_rps: float
    to_rps: float
    ramp_s: float

    def expected_until(self, at_s: float) -> float:
        """Requests expected from 0 to this moment: the integral of the rate."""
        ramped_s = min(at_s, self.ramp_s)
        return self.from_rps * ramped_s + self._slope * ramped_s**2 / 2 + self.to_rps * (at_s - ramped_s)

    def moment_of(self, expected: float) -> float:
        """Seconds until so many requests are expected: the inverse of `expected_until`."""
        in_ramp = self.expected_until(self.ramp_s)
        if expected >= in_ramp:
            return self.ramp_s + (expected - in_ramp) / self.to_rps
        root = math.sqrt(self.from_rps**2 + 2 * self._slope * expected)
        return 2 * expected / (self.from_rps + root) if expected else 0.0  # without cancellation for flat slopes

    @property
    def _slope(self) -> float:
        return (self.to_rps - self.from_rps) / self.ramp_s if self.ramp_s else 0.0


@dataclass(frozen=True)
class Schedule:
    """Due times of one load, in seconds after its begin: in order, without end, the same ones at every iteration."""

    rate: Rate
    arrivals: str  # one of the ARRIVALS_ constants
    seed: int

    def __iter__(self) -> Iterator[float]:
        return map(self.rate.moment_of, self._expected())

    def share(self, generator: int, generators: int) -> Iterator[float]:
        """Every n-th due time, beginning with this generator's: together the generators serve the one schedule."""
        return itertools.islice(self, generator, None, generators)

    def _expected(self) -> Iterator[float]:
        """Where requests lie in units of expected requests: evenly, or a Poisson process of rate 1."""
        if self.arrivals != ARRIVALS_EXPONENTIAL:
            yield from map(float, itertools.count())
        draw = random.Random(self.seed)  # noqa: S311  reproducible on purpose
        expected = 0.0
        while True:
            expected += draw.expovariate(1.0)
            yield expected


def schedule_of(order: LoadOrder) -> Schedule:
    """The schedule of a run in open mode: a ramp run climbs and holds, a plateau run has the last rate all along."""
    from_rps, to_rps = order.rate_rps
    if order.kind != KIND_RAMP:
        return Schedule(Rate(to_rps, to_rps, 0.0), order.arrivals, order.seed)
    return Schedule(Rate(from_rps, to_rps, order.ramp_s), order.arrivals, order.seed)
