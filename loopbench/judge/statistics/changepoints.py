"""Was the steady window steady? Where to cut its start, and where its level stepped.

Owns rule S1's arithmetic. Values are equally spaced in time and in any unit (completions per 0.1 s, say); at least
`MIN_VALUES` of them, so that a window of 5 s is judged from slices of 0.1 s or finer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

BATCH: Final = 5
MIN_VALUES: Final = 50
SMALLEST_STEP: Final = 0.05
"""Of the level before. Smaller steps move a run's mean by less than the margin of a verdict."""
CRITICAL: Final = 2.00  # the 1 % point of the range of a Brownian bridge (Kuiper's distribution)
MAX_CUT: Final = 0.25  # Of the window. What has not settled by then is no settling: it stays in, and shows as a step.
MAX_PHI: Final = 0.95  # a series that remembers longer than this does not show its level in a window of this length
MIN_SIDE: Final = 10  # values on each side of a step: a level needs a few to be one

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A step of the level."""

    index: int  # of the first value after it, in the values given
    size: float  # level after over level before, less 1 (-0.15: fifteen per cent down)


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What is left of a window once its start is cut."""

    cut: int  # how many values from the start still belong to the settling (MSER-5)
    changes: tuple[ChangePoint, ...]  # steps of the level after the cut, in order of time; a steady window has none
    mean: float  # of the values after the cut


def steadiness(values: Sequence[float] | Values) -> Steadiness | None:
    """Cut, then look for steps; None when there are too few values."""
    series = np.asarray(values, dtype=float)
    if len(series) < MIN_VALUES:
        return None
    cut = mser5(series)
    kept = series[cut:]
    edges = [0, *_splits(kept, 0, len(kept)), len(kept)]
    levels = [float(kept[a:b].mean()) for a, b in pairwise(edges)]
    steps = [
        ChangePoint(cut + edge, after / before - 1 if before else math.inf)
        for edge, (before, after) in zip(edges[1:-1], pairwise(levels), strict=True)
    ]
    return Steadiness(cut, tuple(s for s in steps if abs(s.size) >= SMALLEST_STEP), float(kept.mean()))


def mser5(values: Sequence[float] | Values) -> int:
    """How many values to cut from the start so that the rest knows its mean best: the least s / sqrt(n) over batches.

    White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics", Winter Simulation Conference
    2000; there never more than half, here less than `MAX_CUT`. An optimum at that limit means that nothing settled:
    then nothing is cut, and the steps show.
    """
    series = np.asarray(values, dtype=float)
    batches = series[: len(series) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    if len(batches) < 2:
        return 0
    left = np.arange(len(batches), 0, -1)
    sums, squares = batches[::-1].cumsum()[::-1], (batches**2)[::-1].cumsum()[::-1]
    error = (squares - sums**2 / left) / left**2
    limit = int(len(batches) * MAX_CUT)
    best = int(np.argmin(error[: limit + 1]))
    return best * BATCH if best < limit else 0


def _splits(series: Values, start: int, end: int) -> list[int]:
    """Segmentation by halves or thirds: the clearest step, or step and return, then those inside the pieces."""
    inner = [start + split for split in _clearest(series[start:end])]
    if not inner:
        return []
    edges = [start, *inner, end]
    return sorted([*inner, *(split for a, b in pairwise(edges) for split in _splits(series, a, b))])


def _clearest(piece: Values) -> list[int]:
    """Where the cumulative sum turns, if its range is more than a Brownian bridge's; else nothing.

    The range, not the largest distance from 0, so that a fall that is made good again shows too: Lo, "Long-term memory
    in stock market prices", Econometrica 59 (1991). The noise is taken around the levels so found and stretched by its
    lag-1 autocorrelation, else a slow wobble reads as a step.
    """
    if len(piece) < 2 * MIN_SIDE:
        return []
    bridge = np.concatenate([[0.0], np.cumsum(piece - piece.mean())[:-1], [0.0]])
    turns = sorted({int(np.argmin(bridge)), int(np.argmax(bridge))})
    splits = [turn for turn in turns if MIN_SIDE <= turn <= len(piece) - MIN_SIDE]
    if not splits or min(np.diff([0, *splits, len(piece)])) < MIN_SIDE:
        return []
    parts = np.split(piece, splits)
    residual = np.concatenate([part - part.mean() for part in parts])
    if np.ptp(bridge) <= CRITICAL * _long_run(residual, len(parts)) * math.sqrt(len(piece)):
        return []
    return splits


def _long_run(residual: Values, levels: int) -> float:
    """Standard deviation of a mean times sqrt(n), for residuals around this many fitted levels."""
    count = len(residual)
    square = float(residual @ residual)
    if square == 0:
        return 0.0
    lag = float(residual[1:] @ residual[:-1]) / square
    lag += levels * (1 + 3 * lag) / count  # every fitted mean hides some of it: Kendall, Biometrika 41 (1954)
    phi = min(MAX_PHI, max(0.0, lag))
    return math.sqrt(square / (count - levels) * (1 + phi) / (1 - phi))
