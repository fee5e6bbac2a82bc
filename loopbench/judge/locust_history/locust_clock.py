"""When Locust really wrote each row of its history CSV, worked out from timestamps cut to whole seconds.

Locust's writer stamps a row `int(time.time())`, works, sleeps 1 s, and starts over: rows come every 1.00x s. Two
stamps therefore tell a width only to +-1 s, and every few hundred rows a second is skipped altogether: differencing
stamps would draw a dip of 50 % there. What the stamps do say, row by row, is `stamp <= time < stamp + 1`: a corridor
one second high. The straightest path through it (the taut string: of all paths inside, the one whose steps differ
least) is steady where the writer was steady, bends only where the corridor forces it, and jumps with the writer when
that stalled. Over five rows its widths are right within 0.5 % where the writer needs up to 3 ms a row, and within 3 %
where it needs 20 ms (simulated in tests/judge/test_locust_clock.py);
at the edge of a stall of the writer itself the missing fraction of a second stays unknown.

The same path serves the reports of distributed workers, whose corridor is the time between two rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def row_times_s(stamps_s: Sequence[int]) -> Floats:
    """Seconds from the first stamp to each row's true time. Stamps never decrease (cut a file where they do)."""
    stamps = np.asarray(stamps_s, dtype=np.float64) - float(stamps_s[0])
    return straightest(stamps, stamps + 1.0, _period_s(stamps))


def straightest(lower: Floats, upper: Floats, slope: float) -> Floats:
    """The taut string from the first to the last corridor [lower[i], upper[i]], leaving and arriving with `slope`.

    Where one line of that slope fits through all corridors, it is that line, in the middle of its room.
    """
    drift = slope * np.arange(len(lower))
    low, high = lower - drift, upper - drift
    start, finish = _level_end(low, high), _level_end(low[::-1], high[::-1])
    if start is None or finish is None:
        return np.asarray((low.max() + high.min()) / 2 + drift, dtype=np.float64)
    path = np.empty(len(low))
    begin, end = start.corner, len(low) - 1 - finish.corner
    path[: begin + 1], path[end:] = start.level, finish.level
    _pull_taut(low, high, path, begin, end)
    return np.asarray(path + drift, dtype=np.float64)


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


class _LevelEnd(NamedTuple):
    """A path's free end: level up to the corner it must turn around."""

    corner: int
    level: float


def _level_end(low: Floats, high: Floats) -> _LevelEnd | None:
    """The free end on the left; None if a level line fits throughout."""
    floor, ceiling = np.maximum.accumulate(low), np.minimum.accumulate(high)
    blocked = np.flatnonzero(floor > ceiling)
    if not len(blocked):
        return None
    stop = int(blocked[0])
    if low[stop] > ceiling[stop - 1]:  # the way leads up, around the lowest ceiling so far
        return _LevelEnd(int(np.flatnonzero(high[:stop] == ceiling[stop - 1])[-1]), float(ceiling[stop - 1]))
    return _LevelEnd(int(np.flatnonzero(low[:stop] == floor[stop - 1])[-1]), float(floor[stop - 1]))


def _pull_taut(low: Floats, high: Floats, path: Floats, begin: int, end: int) -> None:
    """Fill `path` between two fixed ends: from each corner on, straight as far as the corridor lets one see."""
    low, high = low.copy(), high.copy()
    low[end] = high[end] = path[end]
    corner = begin
    while corner < end:
        steepest, flattest = np.inf, -np.inf
        touch_high = touch_low = corner
        for here in range(corner + 1, end + 1):
            run = here - corner
            to_high, to_low = (high[here] - path[corner]) / run, (low[here] - path[corner]) / run
            if to_low > steepest:
                turn, slope = touch_high, steepest
                break
            if to_high < flattest:
                turn, slope = touch_low, flattest
                break
            if to_high <= steepest:
                steepest, touch_high = to_high, here
            if to_low >= flattest:
                flattest, touch_low = to_low, here
        else:
            turn, slope = end, (path[end] - path[corner]) / (end - corner)
        path[corner + 1 : turn + 1] = path[corner] + slope * np.arange(1, turn - corner + 1)
        corner = turn
