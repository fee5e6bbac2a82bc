"""The due times of requests in open mode: one schedule for all generators, drawn from a seed. No clock, no I/O.

The rate may change linearly and then stay constant. Arrivals are placed evenly (constant) or by a Poisson process
(exponential) in units of the expected number of requests. Inverting the integral of the rate maps them to time (Lewis
and Shedler 1979; Cinlar 1975), so that a ramp has no steps.
"""

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import KIND_RAMP
from loopbench.scenario.load_settings import Arrivals


@dataclass(frozen=True)
class Rate:
    """Requests per second over time: a linear change, then a constant rate. `to_rps` is always above 0."""

    from_rps: float
    to_rps: float
    ramp_s: float

    def expected_until(self, at_s: float) -> float:
        """Return the number of requests expected from 0 to `at_s`: the integral of the rate."""
        ramped_s = min(at_s, self.ramp_s)
        return self.from_rps * ramped_s + self._slope * ramped_s**2 / 2 + self.to_rps * (at_s - ramped_s)

    def moment_of(self, expected: float) -> float:
        """Return the seconds until `expected` requests are expected: the inverse of `expected_until`."""
        in_ramp = self.expected_until(self.ramp_s)
        if expected >= in_ramp:
            return self.ramp_s + (expected - in_ramp) / self.to_rps
        root = math.sqrt(self.from_rps**2 + 2 * self._slope * expected)
        return (
            2 * expected / (self.from_rps + root) if expected else 0.0
        )  # this form has no cancellation for flat slopes

    @property
    def _slope(self) -> float:
        return (self.to_rps - self.from_rps) / self.ramp_s if self.ramp_s else 0.0


@dataclass(frozen=True)
class Schedule:
    """Due times of one load, in seconds after its beginning: ordered, endless, the same at every iteration."""

    rate: Rate
    arrivals: Arrivals
    seed: int

    def __iter__(self) -> Iterator[float]:
        return map(self.rate.moment_of, self._expected())

    def share(self, generator: int, generators: int) -> Iterator[float]:
        """Return every n-th due time, starting with this generator's; together the generators serve the schedule."""
        return itertools.islice(self, generator, None, generators)

    def _expected(self) -> Iterator[float]:
        """Yield the positions of requests in units of expected requests: even, or a Poisson process of rate 1."""
        if self.arrivals == "constant":
            yield from map(float, itertools.count())
        draw = random.Random(self.seed)  # noqa: S311  reproducible on purpose
        expected = 0.0
        while True:
            expected += draw.expovariate(1.0)
            yield expected


def schedule_of(spec: LoadSpec) -> Schedule:
    """Return the schedule of a run in open mode. A ramp run rises and holds, a plateau run keeps the last rate."""
    load = spec.load
    assert load.rate is not None, "open mode has a rate"
    from_rps, to_rps = load.rate
    is_ramp = spec.kind == KIND_RAMP
    rate = Rate(from_rps, to_rps, load.ramp_s) if is_ramp else Rate(to_rps, to_rps, 0.0)
    return Schedule(rate, load.arrivals, spec.seed)
