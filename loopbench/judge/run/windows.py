"""Throughput against users, as points: made from both sources (our samples, a Locust CSV), drawn by every chart.

A curve is counted, never smoothed: each point is the answers that completed in one window of time, divided by the
window's real width, against the mean number of users alive in it. Windows widen until each holds enough answers to
mean something. Each source makes its own windows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from loopbench.judge.statistics.curves import knee_users

MIN_COMPLETIONS = 100  # of a point on a chart: its counting error is then at most 10 %

MIN_STEP_S = 0.2  # of a ramp: users who arrive faster than this share a step

MIN_HOLD_S = 5.0  # a shorter time at full load is the end of a ramp, not a hold

SPREAD_PERCENTILES = (10, 90)

_TOUCHING_S = 1e-6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """What completed between two moments (seconds after the curve's own zero), and the mean users meanwhile."""

    start_s: float
    end_s: float
    users: float
    good: int
    failed: int

    def __post_init__(self) -> None:
        assert self.end_s > self.start_s, f"a window of {self.end_s - self.start_s} s"
        assert self.good >= 0, f"{self.good} good answers"
        assert self.failed >= 0, f"{self.failed} failed answers"

    @property
    def width_s(self) -> float:
        """Real time covered."""
        return self.end_s - self.start_s

    @property
    def completions(self) -> int:
        """Answers of either kind."""
        return self.good + self.failed

    @property
    def goodput_rps(self) -> float:
        """Good answers per second."""
        return self.good / self.width_s


@dataclass(frozen=True, slots=True)
class Plateau:
    """The hold: all users there, and for how long. Its time may have holes (a reset of the counters), its sums not."""

    start_s: float
    end_s: float
    users: float
    measured_s: float
    good: int
    failed: int
    spread_rps: tuple[float, float] | None  # 10th and 90th percentile of the goodput of its short windows
    spread_window_s: float  # how wide those are

    @property
    def goodput_rps(self) -> float:
        """Good answers per second, over the whole hold."""
        return self.good / self.measured_s


@dataclass(frozen=True, slots=True)
class Curve:
    """One line on the chart.

    `windows` are the points of the ramp, wide enough to be drawn; `steps` the narrow ones they were made of, to be
    binned or fitted afresh; `notes` are sentences a reader must see beside the picture.
    """

    label: str
    windows: tuple[Bin, ...]
    steps: tuple[Bin, ...]
    hold: Plateau | None
    knee_users: float | None
    notes: tuple[str, ...] = ()

    @property
    def most_users(self) -> float:
        """The right end of the curve."""
        return max([window.users for window in self.windows] + ([self.hold.users] if self.hold else []), default=0.0)

    @property
    def highest_rps(self) -> float:
        """The top of everything that is drawn of it."""
        tops = [window.goodput_rps for window in self.windows]
        if self.hold:
            tops += [self.hold.goodput_rps, *(self.hold.spread_rps or ())]
        return max(tops, default=0.0)


def make_curve(
    label: str,
    steps: Sequence[Bin],
    hold: Sequence[Bin],
    notes: Iterable[str] = (),
    windows: tuple[Bin, ...] | None = None,
) -> Curve:
    """The curve of a ramp's `steps` and the short windows of its `hold`, both in the order of time."""
    plateau = measure_plateau(hold)
    return Curve(
        label=label,
        windows=widen(steps) if windows is None else windows,
        steps=tuple(steps),
        hold=plateau,
        knee_users=_knee(steps, plateau),
        notes=tuple(notes),
    )


def widen(windows: Sequence[Bin], minimum_completions: int = MIN_COMPLETIONS) -> tuple[Bin, ...]:
    """Merge neighbours until each window holds the minimum, or all there is.

    Failed answers count as completions: a server that fails fast must show its zeros at once. A lull in which the
    minimum would have been expected, at the mean rate, is a stall: it keeps its windows, each at zero, so that it
    cannot hide in a neighbour's average. Windows that do not touch are never merged. A level of constant users becomes
    one window however long it lasts, because against users it is one point.
    """
    stalled = _stalled(windows, minimum_completions)
    gaps = np.cumsum([0, *(b.start_s - a.end_s > _TOUCHING_S for a, b in pairwise(windows))])
    keys = zip(gaps.tolist(), stalled, strict=False)
    merged: list[Bin] = []
    for (_, is_stall), group in groupby(zip(keys, windows, strict=False), key=lambda pair: pair[0]):
        stretch = [window for _, window in group]
        merged.extend(stretch if is_stall else _filled(stretch, minimum_completions))
    return tuple(merged)


def stalls(windows: Sequence[Bin], minimum_completions: int = MIN_COMPLETIONS) -> tuple[tuple[float, float], ...]:
    """Start and end (seconds) of every lull in which nothing completed although `minimum_completions` should have."""
    runs = groupby(zip(_stalled(windows, minimum_completions), windows, strict=True), key=lambda pair: pair[0])
    stretches = [[window for _, window in run] for is_stall, run in runs if is_stall]
    return tuple((stretch[0].start_s, stretch[-1].end_s) for stretch in stretches)


def merge(windows: Sequence[Bin]) -> Bin:
    """Neighbours as one: counts added, users weighted by time."""
    return Bin(
        start_s=windows[0].start_s,
        end_s=windows[-1].end_s,
        users=_mean_users(windows),
        good=sum(window.good for window in windows),
        failed=sum(window.failed for window in windows),
    )


def measure_plateau(windows: Sequence[Bin]) -> Plateau | None:
    """The hold that these short windows make up; None if they last less than `MIN_HOLD_S`."""
    measured_s = sum(window.width_s for window in windows)
    if measured_s < MIN_HOLD_S:
        return None
    typical_s = float(np.median([window.width_s for window in windows]))
    whole = [window.goodput_rps for window in windows if 0.9 < window.width_s / typical_s < 1.1]
    spread_rps: tuple[float, float] | None = None
    if len(whole) >= 5:
        low, high = np.percentile(whole, SPREAD_PERCENTILES)
        spread_rps = float(low), float(high)
    return Plateau(
        start_s=windows[0].start_s,
        end_s=windows[-1].end_s,
        users=_mean_users(windows),
        measured_s=measured_s,
        good=sum(window.good for window in windows),
        failed=sum(window.failed for window in windows),
        spread_rps=spread_rps,
        spread_window_s=typical_s,
    )


def goodput_by_users(windows: Sequence[Bin], user_edges: Sequence[float]) -> Floats:
    """Good answers per second in each bin of users [edge, next edge); NaN where no window's users fall into it."""
    users = [window.users for window in windows]
    good, _ = np.histogram(users, user_edges, weights=[window.good for window in windows])
    width_s, _ = np.histogram(users, user_edges, weights=[window.width_s for window in windows])
    with np.errstate(invalid="ignore"):
        return np.asarray(good / width_s, dtype=np.float64)


def curve_from_completions(  # noqa: PLR0913  the facts of one run, each named at the call
    label: str,
    *,
    completion_times_s: Floats,
    ok: npt.NDArray[np.bool_],
    ramp_start_s: float,
    user_start_times_s: Floats,
    hold_start_s: float,
    hold_end_s: float,
    notes: Iterable[str] = (),
) -> Curve:
    """The curve of one run from its own samples.

    Args:
        label: what the line is called.
        completion_times_s: when each answer was complete, on any one clock; any order.
        ok: whether it was a good one; same length.
        ramp_start_s: where the ramp begins, on the same clock; what completed before is warm-up.
        user_start_times_s: when each user started; any order.
        hold_start_s: where the ramp ends and the hold begins.
        hold_end_s: where the hold ends; what completed later is drain. Equal to `hold_start_s` if nothing was held.
        notes: sentences to show beside the curve.
    """
    order = np.argsort(completion_times_s, kind="stable")
    times_s, good = completion_times_s[order], np.concatenate(([0], np.cumsum(ok[order])))
    starts_s = np.sort(user_start_times_s)
    hold_edges_s = _second_edges(hold_start_s, hold_end_s)
    steps = _count(_step_edges(starts_s, ramp_start_s, hold_start_s), times_s, good, starts_s)
    hold = _count(hold_edges_s, times_s, good, starts_s)
    return make_curve(label, [step for step in steps if step.users > 0], hold, notes)


def _mean_users(windows: Sequence[Bin]) -> float:
    """Weighted by time; rounded, so that a hold of 40 users is one of 40."""
    width_s = sum(window.width_s for window in windows)
    return round(sum(window.users * window.width_s for window in windows) / width_s, 6)


def _stalled(windows: Sequence[Bin], minimum_completions: int) -> list[bool]:
    total_s = sum(window.width_s for window in windows)
    mean_rps = sum(window.completions for window in windows) / total_s if windows else 0.0
    stalled: list[bool] = []
    for empty, group in groupby(windows, key=lambda window: window.completions == 0):
        run = list(group)
        lull_s = sum(window.width_s for window in run)
        stalled += [empty and 0 < minimum_completions <= mean_rps * lull_s] * len(run)
    return stalled


def _filled(stretch: Sequence[Bin], minimum_completions: int) -> list[Bin]:
    groups: list[list[Bin]] = [[stretch[0]]]
    held = stretch[0].completions
    for before, window in pairwise(stretch):
        if held >= minimum_completions and not math.isclose(window.users, before.users):
            groups.append([])
            held = 0
        groups[-1].append(window)
        held += window.completions
    if held < minimum_completions and len(groups) > 1:
        last = groups.pop()
        groups[-1] += last
    return [merge(group) for group in groups]


def _knee(steps: Sequence[Bin], hold: Plateau | None) -> float | None:
    """Fitted to the narrow steps: merging first would blur the bend it looks for. Steps without users say nothing."""
    points = [(step.users, step.goodput_rps) for step in steps if step.users > 0]
    if hold is not None and hold.users > 0:
        points.append((hold.users, hold.goodput_rps))
    return knee_users([users for users, _ in points], [rps for _, rps in points])


def _step_edges(starts_s: Floats, begin_s: float, end_s: float) -> Floats:
    """Bin edges at the users' arrivals, at least `MIN_STEP_S` apart."""
    edges = [begin_s]
    for start_s in starts_s.tolist():
        if edges[-1] + MIN_STEP_S <= start_s <= end_s - MIN_STEP_S:
            edges.append(start_s)
    return np.array([*edges, end_s] if end_s > begin_s else [])


def _second_edges(begin_s: float, end_s: float) -> Floats:
    """Bin edges one second apart; the last window is what is left, unless it is a mere crumb."""
    edges = np.arange(begin_s, end_s, 1.0)
    if len(edges) > 1 and end_s - edges[-1] < MIN_STEP_S:
        edges = edges[:-1]
    return np.append(edges, end_s) if len(edges) else edges


def _count(edges_s: Floats, times_s: Floats, good_before: npt.NDArray[np.int64], starts_s: Floats) -> list[Bin]:
    """Completions in [edge, next edge) and the mean users there; `good_before[i]`: good answers among the first i."""
    if len(edges_s) < 2:
        return []
    positions = np.searchsorted(times_s, edges_s)
    good = np.diff(good_before[positions])
    failed = np.diff(positions) - good
    users = np.diff(_user_seconds(edges_s, starts_s)) / np.diff(edges_s)
    bounds = zip(edges_s[:-1].tolist(), edges_s[1:].tolist(), strict=True)
    columns = zip(bounds, users.tolist(), good.tolist(), failed.tolist(), strict=True)
    return [Bin(start, end, mean_users, ok, bad) for (start, end), mean_users, ok, bad in columns]


def _user_seconds(until_s: Floats, starts_s: Floats) -> Floats:
    """The integral of the number of users up to each moment: sum of (moment - start) over those who had started."""
    started = np.searchsorted(starts_s, until_s, side="right")
    return started * until_s - np.concatenate(([0.0], np.cumsum(starts_s)))[started]
