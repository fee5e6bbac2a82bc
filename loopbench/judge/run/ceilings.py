"""The most a variant can do with the resources it holds, and which of them stops it.

Owns the arithmetic: X <= min(N / (R1 + Z), m_k / D_k) for N users, R1 the response time of a request alone, Z the think
time, D_k how long one request holds resource k, of which there are m_k. The asymptotic bounds of operational analysis:
Denning and Buzen, ACM Computing Surveys 10 (1978); Lazowska et al., Quantitative System Performance (1984), ch. 5.

A request that does not fail cannot beat these, so a measured throughput above them is a fault of the measurement.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

IMPOSSIBLE_ABOVE: Final = 1.02
LIMITED_FROM: Final = 0.95
UNEXPLAINED_BELOW: Final = 0.80

ANYIO_TOKENS: Final = 40
"""Of anyio's default limiter, one a loop: `def` endpoints and dependencies, FileResponse, UploadFile, sync tasks."""
USERS: Final = "users"
"""The bound that is no resource: so many users cannot ask more often."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a request holds while others wait for it.

    Args:
        name: as a reader should see it.
        size: how many requests can hold it at once, in all workers together.
        held_s: seconds one request holds it, mean over the requests of the mix; 0 when it is not used.
    """

    name: str
    size: float
    held_s: float

    def __post_init__(self) -> None:
        assert self.size > 0, f"{self.name}: of a size of {self.size} nothing can be held"
        assert 0 <= self.held_s < math.inf, f"{self.name} held for {self.held_s} s"

    @property
    def rps(self) -> float:
        """Requests per second it lets through at most; infinity when it is not used."""
        return self.size / self.held_s if self.held_s else math.inf


def event_loop(held_s: float, workers: int = 1) -> Resource:
    """One thread a worker; held by whatever runs or blocks in a coroutine."""
    return Resource("event loop", workers, held_s)


def anyio_limiter(held_s: float, tokens: int = ANYIO_TOKENS, workers: int = 1) -> Resource:
    """The thread pool of `def` endpoints and `run_in_threadpool`."""
    return Resource(f"anyio limiter of {tokens}", tokens * workers, held_s)


def cpu_cores(held_s: float, cores: int) -> Resource:
    """CPU seconds of all processes and threads of the target."""
    return Resource("CPU core" if cores == 1 else f"{cores} CPU cores", cores, held_s)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The lowest bound at one number of users.

    Args:
        users: N.
        rps: the bound, requests per second; infinity when nothing bounds it.
        limited_by: the name of the lowest resource, or `USERS`.
        bounds: every bound by name, lowest first, requests per second.
    """

    users: float
    rps: float
    limited_by: str
    bounds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a variant, for any number of users.

    Args:
        resources: what its requests hold. For a mix (a variant and its neighbours) times are means over the mix.
        alone_s: R1, the response time of one request alone.
        think_time_s: Z, the mean wait between an answer and the same user's next request.
    """

    resources: tuple[Resource, ...]
    alone_s: float
    think_time_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.alone_s >= 0 <= self.think_time_s, f"times below 0: {self.alone_s} s, {self.think_time_s} s"

    def at(self, users: float) -> Ceiling:
        """The ceiling for this many users."""
        cycle_s = self.alone_s + self.think_time_s
        population = users / cycle_s if cycle_s else math.inf
        bounds = sorted([*((r.name, r.rps) for r in self.resources), (USERS, population)], key=lambda bound: bound[1])
        return Ceiling(users, bounds[0][1], bounds[0][0], tuple(bounds))


class Standing(StrEnum):
    """How a measured throughput stands to its ceiling."""

    IMPOSSIBLE = "impossible"
    LIMITED = "limited"
    BELOW = "below"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured throughput against its ceiling.

    Args:
        measured_rps: good answers per second.
        ceiling: what was possible.
        standing: the classification.
        limits: names of every bound that is within 5 % (several can be), lowest first; empty unless LIMITED.
    """

    measured_rps: float
    ceiling: Ceiling
    standing: Standing
    limits: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Measured over predicted."""
        return self.measured_rps / self.ceiling.rps

    @property
    def sentence(self) -> str:
        """What to say of it."""
        share = f"{self.measured_rps:.4g} of {self.ceiling.rps:.4g} requests/s ({100 * self.ratio:.0f} %)"
        if self.standing is Standing.IMPOSSIBLE:
            return f"{share}: impossible, {self.ceiling.limited_by} cannot do that; the measurement is wrong"
        if self.standing is Standing.LIMITED:
            return f"{share}: limited by {' and '.join(self.limits)}"
        if self.standing is Standing.BELOW:
            return f"{share}: below its ceiling, the {self.ceiling.limited_by} bound"
        return f"{share}: nothing known explains it"


def read(measured_rps: float, ceiling: Ceiling) -> Reading:
    """Classify a measured throughput."""
    ratio = measured_rps / ceiling.rps
    if ratio > IMPOSSIBLE_ABOVE:
        return Reading(measured_rps, ceiling, Standing.IMPOSSIBLE, ())
    if ratio >= LIMITED_FROM:
        limits = tuple(name for name, rps in ceiling.bounds if measured_rps >= LIMITED_FROM * rps)
        return Reading(measured_rps, ceiling, Standing.LIMITED, limits)
    standing = Standing.BELOW if ratio >= UNEXPLAINED_BELOW else Standing.UNEXPLAINED
    return Reading(measured_rps, ceiling, standing, ())
