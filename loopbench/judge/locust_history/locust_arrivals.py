"""When users came, from rows that only say how many there were: Locust starts them at a steady pace, between rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loopbench.judge.locust_history.locust_clock import straightest
from loopbench.judge.locust_history.locust_csv import Row

FIRST_USERS_S = 0.05
"""From the first row to the first users, at most, when Locust starts without its web page."""

Floats = npt.NDArray[np.float64]


class Arrivals(NamedTuple):
    """When users came (or went), how many each time, and how far all of it may be moved without leaving its rows."""

    times_s: Floats
    users: Floats
    earliest_s: float  # at most 0
    latest_s: float  # at least 0

    @property
    def play_s(self) -> float:
        """How much is left open."""
        return self.latest_s - self.earliest_s

    def moved(self, by_s: float) -> "Arrivals":
        """All of them earlier or later, as far as their rows allow."""
        return self._replace(times_s=self.times_s + min(max(by_s, self.earliest_s), self.latest_s))


def find_arrivals(rows: Sequence[Row], times_s: Floats) -> Arrivals:
    """The straightest path of arrivals through the rows; several at once where users jumped."""
    users = np.array([row.users for row in rows])
    changes = np.diff(users)
    moving = np.flatnonzero(changes)
    if not len(moving):
        return Arrivals(np.empty(0), np.empty(0), 0.0, 0.0)
    batch = float(np.median(np.abs(changes[moving])))
    batches = np.maximum(1, np.round(np.abs(changes[moving]) / batch)).astype(int)
    intervals = np.repeat(moving, batches)
    at_once = rows[0].users == rows[0].requests == moving[0] == 0
    after_s, before_s = times_s[intervals], times_s[intervals + 1]
    path_s = _arrivals_s(after_s, before_s, at_once=at_once)
    earliest_s, latest_s = (
        (0.0, 0.0) if at_once else (float(np.max(after_s - path_s)), float(np.min(before_s - path_s)))
    )
    return Arrivals(path_s, np.repeat(changes[moving] / batches, batches), min(0.0, earliest_s), max(0.0, latest_s))


def user_seconds(arrivals: Arrivals, users_before: int, begin_s: float, until_s: Floats) -> Floats:
    """The integral of the number of users from one moment up to each of some others."""
    so_far = np.searchsorted(arrivals.times_s, until_s)
    sums = (np.concatenate(([0.0], np.cumsum(x))) for x in (arrivals.users, arrivals.users * arrivals.times_s))
    present, offset = sums
    came = present[so_far] * until_s - offset[so_far]
    return np.asarray(users_before * (until_s - begin_s) + came, dtype=np.float64)


def _arrivals_s(after_s: Floats, before_s: Floats, *, at_once: bool) -> Floats:
    """When each batch of users came, given the rows around it: the straightest path, for Locust keeps a steady pace.

    A headless Locust writes its first row and then, within milliseconds, starts its first users; rows and users both
    keep the pace of a second from there, and without this anchor every point could be half a batch of users off.
    """
    latest_s = before_s.copy()
    if at_once:
        latest_s[0] = min(after_s[0] + FIRST_USERS_S, before_s[0])
    gaps_s = np.diff(after_s)
    steady_s = gaps_s[gaps_s <= 3 * np.median(gaps_s)] if len(gaps_s) else np.ones(1)
    return straightest(after_s, latest_s, float(steady_s.mean()))
