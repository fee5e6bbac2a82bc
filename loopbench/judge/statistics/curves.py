"""What shape throughput has against users: a finite pool (hinge), a contended server (USL), or neither."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

import numpy as np

from loopbench.judge.statistics.fits import (
    FREE,
    Array,
    HingeFit,
    RunCurve,
    UslFit,
    aicc,
    effective_count,
    fit_hinge,
    fit_usl,
    hinge,
    mean_square,
    usl,
)
from loopbench.judge.statistics.intervals import CONFIDENCE, Interval, t_quantile

DECISIVE: Final = 10.0
"""AICc difference beyond which the worse model has no support: Burnham and Anderson (2002), section 2.6."""
BEND: Final = 0.5  # a hinge is a hinge when the slope after is at most this part of the slope before
TOO_NOISY: Final = 0.25  # relative scatter around the better model beyond which its bins are too narrow to show a shape
MIN_USL_LEVELS: Final = 8
MAX_EXTRAPOLATION: Final = 2.0  # a peak further out than this many times the largest N seen is not quoted


@dataclass(frozen=True, slots=True)
class RunFits:
    """Both models on one run."""

    curve: RunCurve  # what was fitted
    hinge: HingeFit  # one model
    usl: UslFit  # the other
    independent: float  # n_eff = n (1 - phi) / (1 + phi), phi the lag-1 autocorrelation of the better model's residuals
    advantage: float  # AICc of USL less AICc of the hinge; above `DECISIVE` the hinge wins


class Number(NamedTuple):
    """A fitted parameter and its 95 % interval: over runs by t, or from one run's own scatter when there is one."""

    value: float
    interval: Interval

    @property
    def text(self) -> str:
        """`40.1 (95 % interval 39.8 to 40.4)`."""
        return f"{self.value:.3g} (95 % interval {self.interval.low:.3g} to {self.interval.high:.3g})"


@dataclass(frozen=True, slots=True)
class Hinge:
    """A finite pool: rises to `knee_users`, then no more than half as steep.

    Slopes in requests/s per user. `advantage` is the median AICc difference over runs.
    """

    knee_users: Number
    before: float
    after: float
    advantage: float
    runs: int

    def rps(self, users: Array) -> Array:
        """The fitted throughput."""
        return hinge(users, self.knee_users.value, self.before, self.after)

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        return (
            f"a pool: it rises by {self.before:.3g}/s a user up to {self.knee_users.text} users, "
            f"then by {self.after:.2g}/s a user"
        )


@dataclass(frozen=True, slots=True)
class Peak:
    """Where USL has its maximum: N* = sqrt((1 - sigma) / kappa)."""

    users: float
    rps: float


@dataclass(frozen=True, slots=True)
class Usl:
    """A contended server. `peak` is None where none was shown; `no_peak` is then the reason."""

    one_user_rps: Number
    sigma: Number
    kappa: Number
    peak: Peak | None
    no_peak: str
    runs: int

    def rps(self, users: Array) -> Array:
        """The fitted throughput."""
        return usl(users, self.one_user_rps.value, self.sigma.value, self.kappa.value)

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        peak = self.no_peak if self.peak is None else f"most at {self.peak.users:.0f} users, {self.peak.rps:.3g}/s"
        return f"a contended server (USL): sigma {self.sigma.text}, {peak}"


@dataclass(frozen=True, slots=True)
class NoShape:
    """Neither model may be quoted, and why. `too_noisy`: wider bins might show more."""

    reason: str
    too_noisy: bool = False

    @property
    def sentence(self) -> str:
        """For the console and the page."""
        return f"no shape was found: {self.reason}"


Shape = Hinge | Usl | NoShape


def describe(curves: Sequence[RunCurve]) -> Shape:
    """The shape of one variant from its runs: each fitted alone, then Student's t over the runs."""
    if not curves:
        return NoShape("no run was measured")
    fits = [fit(curve) for curve in curves]
    refused = [f for f in fits if isinstance(f, NoShape)]
    if refused:
        return refused[0]
    usable = [f for f in fits if isinstance(f, RunFits)]
    if median(f.advantage for f in usable) > DECISIVE:
        return _as_hinge(usable)
    return _as_usl(usable)


def knee_users(users: Sequence[float] | Array, rps: Sequence[float] | Array) -> float | None:
    """Where to draw one run's knee, or None: where it is not shown, none is drawn.

    Bins too narrow to show anything (a few answers each) are joined with their neighbours until they do.

    Args:
        users: N at the middle of each bin; bins of about the same width in time.
        rps: good answers per second in that bin.

    Raises:
        ValueError: lengths differ, or a number is out of range.
    """
    curve = RunCurve(tuple(map(float, users)), tuple(map(float, rps)))
    shape = describe([curve])
    while isinstance(shape, NoShape) and shape.too_noisy and len(curve.users) >= 2 * MIN_USL_LEVELS:
        curve = curve.halved()
        shape = describe([curve])
    return shape.knee_users.value if isinstance(shape, Hinge) else None


def fit(curve: RunCurve) -> RunFits | NoShape:
    """Both models on one run, and how much better the hinge explains it."""
    if curve.levels < FREE + 2:
        return NoShape(f"{curve.levels} levels of users; three free numbers need at least {FREE + 2}")
    if max(curve.rps) == 0:
        return NoShape("no good answer at any number of users")
    fits = fit_hinge(curve), fit_usl(curve)
    squares = [mean_square(f.residuals) for f in fits]
    better = fits[0] if squares[0] <= squares[1] else fits[1]
    scatter = math.sqrt(min(squares))
    if scatter > TOO_NOISY:
        return NoShape(
            f"the points scatter by {100 * scatter:.0f} %; wider bins are needed to see a shape", too_noisy=True
        )
    independent = effective_count(better.residuals)
    if independent <= FREE + 2:  # three numbers and the variance; AICc divides by what is left
        return NoShape(f"the points move together: {independent:.1f} independent ones for three free numbers")
    hinge_aicc, usl_aicc = (aicc(square, independent) for square in squares)
    return RunFits(curve, *fits, independent, usl_aicc - hinge_aicc)


def _as_hinge(fits: Sequence[RunFits]) -> Shape:
    knees = [f.hinge.knee_users for f in fits]
    before, after = (
        float(np.mean(slopes)) for slopes in zip(*((f.hinge.before, f.hinge.after) for f in fits), strict=True)
    )
    knee = _over_runs(knees) or Number(knees[0], Interval(fits[0].hinge.knee_low, fits[0].hinge.knee_high))
    if after > before:
        return NoShape(f"it bends upwards near {knee.value:.0f} users: neither a pool nor USL")
    if after > BEND * before:
        return NoShape(f"it bends near {knee.value:.0f} users, but by less than half: neither a pool nor USL")
    if knee.value <= max(min(f.curve.users) for f in fits):
        return NoShape("no level of users below the bend: the rise was not measured")
    return Hinge(knee, before, after, median(f.advantage for f in fits), len(fits))


def _as_usl(fits: Sequence[RunFits]) -> Shape:
    levels = min(f.curve.levels for f in fits)
    if levels < MIN_USL_LEVELS:
        return NoShape(f"{levels} levels of users; USL takes at least {MIN_USL_LEVELS}")
    gamma, sigma, kappa = (_parameter(fits, index) for index in range(3))
    peak, why = _peak(gamma.value, sigma.value, kappa, max(max(f.curve.users) for f in fits))
    return Usl(gamma, sigma, kappa, peak, why, len(fits))


def _parameter(fits: Sequence[RunFits], index: int) -> Number:
    values = [(f.usl.one_user, f.usl.sigma, f.usl.kappa)[index] for f in fits]
    over = _over_runs(values)
    if over is not None:
        return over
    reach = t_quantile((1 + CONFIDENCE) / 2, max(1.0, fits[0].independent - FREE)) * fits[0].usl.errors[index]
    return Number(values[0], Interval(values[0] - reach, values[0] + reach))


def _over_runs(values: Sequence[float]) -> Number | None:
    """Mean and t interval; None for a single run."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = t_quantile((1 + CONFIDENCE) / 2, len(values) - 1) * error
    return Number(mean, Interval(mean - reach, mean + reach))


def _peak(gamma: float, sigma: float, kappa: Number, most_users: float) -> tuple[Peak | None, str]:
    if kappa.interval.low <= 0:
        return None, "no peak: kappa's interval includes 0"
    users = math.sqrt((1 - sigma) / kappa.value)
    if users > MAX_EXTRAPOLATION * most_users:
        return None, f"the peak would lie near {users:.0f} users, beyond twice the {most_users:.0f} measured"
    if users < 1:
        return None, "no peak: throughput falls from the first user on"
    return Peak(users, float(usl(np.array(users), gamma, sigma, kappa.value))), ""
