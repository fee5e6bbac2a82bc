"""When Locust really wrote each row of its history CSV, worked out from timestamps cut to whole seconds.

Locust's writer stamps a row `int(time.time())`, works, sleeps 1 s, and starts over: rows come every 1.00x s. Two
stamps therefore tell a width only to +-1 s, and every few hundred rows a second is skipped altogether: differencing
stamps would draw a dip of 50 % there. What the stamps do say, row by row, is `stamp <= time < stamp + 1`: a corridor
one second high. The straightest path through it (the taut string: of all paths inside, the one whose steps differ
least) is steady where the writer was steady, bends only where the corridor forces it, and jumps with the writer when
that stalled. Over five rows its widths are right within 0.5 % where the writer needs up to 3 ms a row, and within 3 %
where it needs 20 ms (simulated in tests/judge/test_taut_string.py); at the
edge of a stall of the writer itself the missing fraction of a second stays unknown.

The same path serves the reports of distributed workers, whose corridor is the time between two rows.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

_FAR: Final = 1e12  # rows

Floats = npt.NDArray[np.float64]


def row_times_s(stamps_s: Sequence[int] | npt.NDArray[np.int64]) -> Floats:
    """Seconds from the first stamp to each row's true time. Stamps never decrease (cut a file where they do)."""
    stamps = np.asarray(stamps_s, dtype=np.float64) - float(stamps_s[0])
    return straightest(stamps, stamps + 1.0, _period_s(stamps))


def straightest(lower: Floats, upper: Floats, slope: float) -> Floats:
    """The taut string from the first to the last corridor [lower[i], upper[i]], leaving and arriving with `slope`."""
    rows = np.arange(len(lower))
    low, high = lower - slope * rows, upper - slope * rows
    level = [(low.max() + high.min()) / 2]  # both ends are level: they are tied to points far away
    places = np.concatenate(([-_FAR], rows, [len(rows) + _FAR]))
    ends = np.concatenate((level, low, level)), np.concatenate((level, high, level))
    return np.asarray(_pull_taut(places, *ends)[1:-1] + slope * rows, dtype=np.float64)


def _period_s(stamps: Floats) -> float:
    """Seconds between rows as the writer meant them: what most pairs say, refined by the odd ones if several."""
    if len(stamps) < 2:
        return 1.0
    gaps = np.diff(stamps)
    usual = float(np.median(gaps))
    steady = gaps <= usual + 1
    odd = np.flatnonzero(steady & (gaps != usual))
    if len(odd) < 2:
        return usual
    between = slice(odd[0] + 1, odd[-1] + 1)
    return float(gaps[between][steady[between]].mean())


def _pull_taut(places: Floats, low: Floats, high: Floats) -> Floats:
    """The path between two fixed ends, by a funnel: every corridor is added to it once and removed at most once.

    The funnel opens at the path's last corner. Its sides are the straightest paths from there that stay below and above
    every corridor so far; where the next corridor lies outside, the path turns along the side that it crossed.
    """
    corner = (float(places[0]), float(low[0]))
    path, upper, lower = [corner], deque([corner]), deque([corner])
    for place, bottom, top in zip(places[1:].tolist(), low[1:].tolist(), high[1:].tolist(), strict=True):
        for side, other, point, sign in ((upper, lower, (place, top), 1), (lower, upper, (place, bottom), -1)):
            while len(side) > 1 and sign * (_slope(side[-2], side[-1]) - _slope(side[-1], point)) >= 0:
                side.pop()
            while (
                len(side) == 1 and len(other) > 1 and sign * (_slope(other[0], other[1]) - _slope(other[0], point)) > 0
            ):
                other.popleft()
                path.append(other[0])
            if len(side) == 1:
                side[0] = other[0]
            side.append(point)
    path.append(upper[-1])
    at, reached = np.array(path).T
    return np.asarray(np.interp(places, at, reached), dtype=np.float64)


def _slope(begin: tuple[float, float], end: tuple[float, float]) -> float:
    return (end[1] - begin[1]) / (end[0] - begin[0])
