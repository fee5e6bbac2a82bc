"""When users came, from rows that only say how many there were: Locust starts them at a steady pace, between rows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loopbench.judge.cross_check.taut_string import straightest

FIRST_USERS_S = 0.05  # from the first row to the first users, at most, when Locust starts without its web page

Floats = npt.NDArray[np.float64]


class Arrivals(NamedTuple):
    """When users came (or went), how many each time, and how far all of it may be moved without leaving its rows."""

    times_s: Floats
    users: Floats
    earliest_s: float  # at most 0
    latest_s: float  # at least 0

    def moved(self, by_s: float) -> "Arrivals":
        """All of them earlier or later, as far as their rows allow."""
        return self._replace(times_s=self.times_s + min(max(by_s, self.earliest_s), self.latest_s))

    def user_seconds(self, users_before: int, until_s: Floats) -> Floats:
        """The integral of the number of users, from the first of these moments up to each."""
        so_far = np.searchsorted(self.times_s, until_s)
        came, offset = (
            np.concatenate(([0.0], np.cumsum(each)))[so_far] for each in (self.users, self.users * self.times_s)
        )
        return np.asarray(users_before * (until_s - until_s[0]) + came * until_s - offset, dtype=np.float64)


def find_arrivals(users: npt.NDArray[np.int64], requests_before: int, times_s: Floats) -> Arrivals:
    """The straightest path of arrivals through the rows; several at once where users jumped.

    A headless Locust writes its first row and then, within milliseconds, starts its first users; rows and users both
    keep the pace of a second from there, and without this anchor every point could be half a batch of users off.
    """
    changes = np.diff(users)
    moving = np.flatnonzero(changes)
    if not len(moving):
        return Arrivals(np.empty(0), np.empty(0), 0.0, 0.0)
    arrived = np.abs(changes[moving])
    seconds = np.minimum(arrived, np.round(np.diff(times_s)[moving]))  # rows further apart hold several of its batches
    batches = np.maximum(1, np.maximum(seconds, np.round(arrived / np.median(arrived)))).astype(int)
    intervals = np.repeat(moving, batches)
    after_s, before_s = times_s[intervals], times_s[intervals + 1].copy()
    is_anchored = users[0] == requests_before == moving[0] == 0
    if is_anchored:
        before_s[0] = min(after_s[0] + FIRST_USERS_S, before_s[0])
    gaps_s = np.diff(times_s[moving]) / batches[:-1]
    steady_s = gaps_s[gaps_s <= 3 * np.median(gaps_s)] if len(gaps_s) else np.ones(1)
    path_s = straightest(after_s, before_s, float(steady_s.mean()))
    room_s = (0.0, 0.0) if is_anchored else (float(np.max(after_s - path_s)), float(np.min(before_s - path_s)))
    return Arrivals(path_s, np.repeat(changes[moving] / batches, batches), min(0.0, room_s[0]), max(0.0, room_s[1]))
