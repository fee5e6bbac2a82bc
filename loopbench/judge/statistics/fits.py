"""Two models of throughput against users, fitted to one run by least squares.

Owns the arithmetic; which of them may be quoted is `curves`' business. Three free numbers each:

- the hinge X = a min(N, K) + b max(N - K, 0): so many users fill the pool, the next ones wait;
- the Universal Scalability Law X = g N / (1 + s (N - 1) + k (N - 1) N): Gunther, Guerrilla Capacity Planning (2007).

Residuals are relative to the level around them (a running median), because a busy machine disturbs throughput in
proportion. Points far off that level (a second without answers, a burst after it) are drawn in to `OUTLIER` scatters:
they stay evidence, but a stall of two seconds does not outvote the other hundred.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import optimize

from loopbench.judge.statistics.intervals import CONFIDENCE, t_quantile

RESOLUTION: Final = 0.005
"""No throughput is known better than this; without it, data free of noise would decide on rounding errors."""
FREE: Final = 3  # free numbers in either model
OUTLIER: Final = 4.0  # standard deviations (from the median absolute deviation) beyond which a point is drawn in
GROSS: Final = 0.1  # part of the level that no point is drawn in to, however quiet its neighbours are
MIN_AFTER: Final = 3  # levels beyond the knee: a plateau needs a few points to be one

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RunCurve:
    """One run's throughput against users, in the order in which it was measured (neighbours share their noise).

    Raises:
        ValueError: lengths differ, or a number is out of range.
    """

    users: tuple[float, ...]  # N at the middle of each bin, above 0
    rps: tuple[float, ...]  # good answers per second in that bin, 0 or more

    def __post_init__(self) -> None:
        if len(self.users) != len(self.rps):
            raise ValueError(f"{len(self.users)} numbers of users against {len(self.rps)} of throughput")
        if not all(n > 0 and math.isfinite(n) for n in self.users):
            raise ValueError("every number of users must be finite and above 0")
        if not all(x >= 0 and math.isfinite(x) for x in self.rps):
            raise ValueError("every throughput must be finite and 0 or more; leave missing bins out")

    @property
    def levels(self) -> int:
        """How many different numbers of users."""
        return len(set(self.users))

    def halved(self) -> "RunCurve":
        """The same run in bins of two neighbours each (by users); an odd one out at the top end is left out."""
        order = np.argsort(self.users, kind="stable")[: len(self.users) // 2 * 2]
        users, rps = (np.array(values)[order].reshape(-1, 2).mean(axis=1) for values in (self.users, self.rps))
        return RunCurve(tuple(users.tolist()), tuple(rps.tolist()))

    @cached_property
    def points(self) -> "Points":
        """As the fits take them."""
        users, rps = np.array(self.users, dtype=float), np.array(self.rps, dtype=float)
        order = np.argsort(users, kind="stable")
        level = np.empty_like(rps)
        level[order] = np.median(sliding_window_view(np.pad(rps[order], 2, "edge"), 5), axis=1)
        scale = np.maximum(level, 0.05 * (level.max() or rps.max()))
        off = (rps - level) / scale
        reach = max(GROSS, OUTLIER * 1.4826 * float(np.median(np.abs(off))))
        return Points(users, level + scale * np.clip(off, -reach, reach), 1 / scale)


class Points(NamedTuple):
    """One run's points, outliers drawn in."""

    users: Array  # N
    rps: Array  # throughput
    weight: Array  # one over the level around each point: weight times a miss is relative


@dataclass(frozen=True, slots=True)
class HingeFit:
    """X = before * min(N, knee) + after * max(N - knee, 0), slopes in requests/s per user."""

    knee_users: float  # K, the least-squares breakpoint
    knee_low: float  # lower end of its 95 % interval from this one run (profile likelihood)
    knee_high: float  # upper end
    before: float  # a
    after: float  # b
    residuals: tuple[float, ...]  # relative, in measuring order


@dataclass(frozen=True, slots=True)
class UslFit:
    """X = one_user N / (1 + sigma (N - 1) + kappa (N - 1) N)."""

    one_user: float  # gamma, requests/s of one user alone
    sigma: float  # contention, 0 (none) to 1 (one at a time)
    kappa: float  # coherency, 0 or more: what makes more users slower
    errors: tuple[float, float, float]  # standard errors of the three, autocorrelation included
    residuals: tuple[float, ...]  # relative, in measuring order


def fit_hinge(curve: RunCurve) -> HingeFit:
    """Least squares, exact in the slopes for every knee of a grid, refined once around the best one.

    At the lower end of the grid the hinge is any straight line, so a flat curve is well fitted without a knee inside.
    """
    n, x, weight = curve.points
    levels = np.unique(n)
    low, high = levels[0], levels[-1 - MIN_AFTER]
    coarse = np.linspace(low, high, 400)
    sums = _squares(coarse, n, x, weight)[0]
    best = coarse[int(np.argmin(sums))]
    step = coarse[1] - coarse[0]
    fine = np.linspace(max(low, best - step), min(high, best + step), 81)
    fine_sums, before, after = _squares(fine, n, x, weight)
    i = int(np.argmin(fine_sums))
    residuals = weight * (x - hinge(n, fine[i], before[i], after[i]))
    count = max(FREE + 1.0, effective_count(residuals))
    floor = len(n) * RESOLUTION**2
    limit = (fine_sums[i] + floor) * (1 + t_quantile((1 + CONFIDENCE) / 2, count - FREE) ** 2 / (count - FREE))
    likely = np.append(coarse[sums + floor <= limit], fine[i])
    return HingeFit(
        float(fine[i]), float(likely.min()), float(likely.max()), float(before[i]), float(after[i]), tuple(residuals)
    )


def _squares(knees: Array, n: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """For each knee: the least sum of squares, and the slopes before and after that reach it (normal equations)."""
    u = weight * np.minimum(n, knees[:, None])
    v = weight * np.maximum(n - knees[:, None], 0)
    y = weight * x
    uu, uv, vv = (u * u).sum(axis=1), (u * v).sum(axis=1), (v * v).sum(axis=1)
    uy, vy = u @ y, v @ y
    determinant = uu * vv - uv**2
    before, after = (uy * vv - vy * uv) / determinant, (vy * uu - uy * uv) / determinant
    return (y @ y) - before * uy - after * vy, before, after


def fit_usl(curve: RunCurve) -> UslFit:
    """Bounded least squares from two starting points: the linearised law, and full contention."""
    n, x, weight = curve.points

    def missed(p: Array) -> Array:
        miss: Array = weight * (x - usl(n, *p))
        return miss

    def slopes(p: Array) -> Array:
        share = weight * usl(n, 1.0, *p[1:])
        pull = share * usl(n, *p) / n
        return np.column_stack([-share, pull * (n - 1), pull * (n - 1) * n])

    top = float((1 / weight).max())
    scale = (top, 0.1, 1 / n.max() ** 2)
    bounds = ((0.0, 0.0, 0.0), (np.inf, 1.0, np.inf))
    starts = (_linearised(n, weight), (top, 1.0, 0.0))
    solutions = [optimize.least_squares(missed, start, slopes, bounds=bounds, x_scale=scale) for start in starts]
    best = min(solutions, key=lambda solution: float(solution.cost))
    residuals = missed(best.x)
    gamma, sigma, kappa = map(float, best.x)
    return UslFit(gamma, sigma, kappa, _errors(slopes(best.x), residuals), tuple(residuals))


def hinge(n: Array, knee: float, before: float, after: float) -> Array:
    """Throughput of a finite pool at each number of users."""
    return np.asarray(before * np.minimum(n, knee) + after * np.maximum(n - knee, 0), dtype=np.float64)


def usl(n: Array, one_user: float, sigma: float, kappa: float) -> Array:
    """Throughput of a contended server at each number of users."""
    return np.asarray(one_user * n / (1 + sigma * (n - 1) + kappa * (n - 1) * n), dtype=np.float64)


def _errors(jacobian: Array, residuals: Array) -> tuple[float, float, float]:
    """Standard errors from the curvature at the solution, widened for residuals that move together."""
    count = max(FREE + 1.0, effective_count(residuals))
    variance = mean_square(residuals) * count / (count - FREE)
    covariance = np.linalg.pinv(jacobian.T @ jacobian, hermitian=True) * variance * len(residuals) / count
    gamma, sigma, kappa = np.sqrt(np.maximum(np.diag(covariance), 0))
    return float(gamma), float(sigma), float(kappa)


def _linearised(n: Array, weight: Array) -> tuple[float, float, float]:
    """N/X is linear in 1/g, s/g and k/g; solved for values of 0 or more on the smoothed curve."""
    rows = np.column_stack([np.ones_like(n), n - 1, n * (n - 1)])
    relative = 1 / weight / n  # so that each row's right-hand side is 1
    base, contention, coherency = optimize.nnls(rows * relative[:, None], np.ones_like(n))[0]
    if base <= 0:
        return float((1 / weight).max()), 1.0, 0.0
    return float(1 / base), float(min(1.0, contention / base)), float(coherency / base)


def aicc(mean_square: float, count: float, free: int = FREE) -> float:
    """Akaike's criterion for least squares, corrected for few points; the variance counts as a parameter.

    Hurvich and Tsai, Biometrika 76 (1989).
    """
    parameters = free + 1
    return count * math.log(mean_square) + 2 * parameters * count / (count - parameters - 1)


def effective_count(residuals: Sequence[float] | Array) -> float:
    """N (1 - phi) / (1 + phi): the number of independent residuals these are equal to."""
    r = np.asarray(residuals)
    phi = float(r[1:] @ r[:-1]) / (float(r @ r) + len(r) * RESOLUTION**2)
    phi = min(0.95, max(0.0, phi))
    return len(r) * (1 - phi) / (1 + phi)


def mean_square(residuals: Sequence[float] | Array) -> float:
    """Of relative residuals, never better than `RESOLUTION`."""
    return float(np.mean(np.square(residuals))) + RESOLUTION**2
