"""From the counts in a Locust history to curves: throughput against users, by differencing, never by `Requests/s`.

That column is the mean of seconds [last request - 12, last request - 3]: in a ramp of 1 user/s it draws a knee at 4
users near 15, and in a stall it freezes at its last value. The cumulative counts are exact, and `taut_string` finds
the times between them.

A file may hold several tests (users fall to none between them): each is a curve. Where the counters were set back
(`--reset-stats`), one interval is lost. The counts of a distributed master move only when its workers report, every
3 s by default: then windows run from report to report.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from loopbench.errors import DataError
from loopbench.judge.cross_check.arrivals import Arrivals, find_arrivals
from loopbench.judge.cross_check.locust_csv import History
from loopbench.judge.cross_check.taut_string import row_times_s, straightest
from loopbench.judge.figures import percent
from loopbench.judge.run.windows import MIN_COMPLETIONS, MIN_HOLD_S, Bin, Curve, make_curve, stalls, widen

REPORT_ROWS = range(2, 11)  # rows between two reports that are taken for a distributed master's (3 by default)

REPORT_MINIMUM = 10  # requests a report brings, on average; with fewer, rows without a move are chance

WORTH_SAYING_S = 5.0  # holes and stalls from this length on get a sentence

ORIGIN_WINDOWS = 5  # of a ramp's beginning, taken for a straight line through the origin

WORTH_MOVING_S = 0.05  # arrivals known better than this are left where they are

JUMP_SHARE = 0.2  # of all users; more than that between two rows is a jump, not a ramp

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def curves_from_locust_csv(history: History, label: str) -> tuple[Curve, ...]:
    """A curve for each test in the file, in the order of time, numbered if there are several."""
    made = [_curve(rows, label, history.notes) for rows in _tests(history.rows)]
    drawn = [curve for curve in made if curve.steps or curve.hold]
    if not drawn:
        raise DataError(
            "there are no two neighbouring rows with users: nothing to chart",
            slug="csv-too-short",
            where=str(history.path),
            allowed="some seconds of load",
            hints=("let the test run longer; Locust writes about a row a second",),
        )
    if len(drawn) == 1:
        return tuple(drawn)
    return tuple(replace(curve, label=f"{label} (test {number})") for number, curve in enumerate(drawn, 1))


class _Marks(NamedTuple):
    """The rows whose counts are up to date, and since when: windows run from mark to mark."""

    rows: Integers
    times_s: Floats
    notes: tuple[str, ...] = ()


class _Interval(NamedTuple):
    first: int  # row
    last: int  # row
    window: Bin


def _tests(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Stretches with users, each with the row before it, cut where the clock was set back."""
    has_users, is_back = rows["users"] > 0, rows["stamp_s"].diff() < 0
    begins = has_users & (is_back | ~has_users.shift(fill_value=False))
    for _, test in rows[has_users].groupby(begins.cumsum()):
        first, last = test.index[0], test.index[-1]
        begin = first if first == 0 or is_back[first] else first - 1
        if last > begin:
            yield rows.loc[begin:last].reset_index(drop=True)


def _curve(rows: pd.DataFrame, label: str, notes: tuple[str, ...]) -> Curve:
    times_s, users = row_times_s(rows["stamp_s"].to_numpy()), rows["users"].to_numpy()
    marks = _find_marks(rows["requests"].to_numpy(), times_s)
    intervals = _intervals(rows, _anchored(rows, times_s, marks), marks)
    begin, end = _longest_at_most_users(users)
    if times_s[end] - times_s[begin] < MIN_HOLD_S:
        begin = end
    # A mean over a jump would be a number of users that never was.
    jumps = np.abs(np.diff(users)) > max(2, JUMP_SHARE * users[end])
    ramp = [each for each in intervals if each.first < begin and each.last <= end]
    steps = [each.window for each in ramp if not jumps[each.first : each.last].any()]
    hold = [each.window for each in intervals if begin <= each.first and each.last <= end]
    notes += (*marks.notes, *_faults(rows, times_s), *_lulls([*steps, *hold]), *_remainder(times_s, end))
    windows = _windows(steps)
    return make_curve(label, steps, hold, (*notes, *_few_points(windows, steps)), windows)


def _windows(steps: Sequence[Bin]) -> tuple[Bin, ...]:
    """Return one window for each level of constant users, however few its answers; what lies between is widened."""
    stretches = (list(group) for _, group in groupby(steps, key=lambda step: round(step.users, 3)))
    kinds = groupby(stretches, key=lambda stretch: _width_s(stretch) >= MIN_HOLD_S)
    parts = [(is_level, list(group)) for is_level, group in kinds]
    found: list[Bin] = []
    for place, (is_level, group) in enumerate(parts):
        if is_level:
            found += [window for level in group for window in widen(level)]
            continue
        between = [step for stretch in group for step in stretch]
        if place == 0 or _width_s(between) >= MIN_HOLD_S:
            found += widen(between)
    return tuple(found)


def _width_s(steps: Sequence[Bin]) -> float:
    return sum(step.width_s for step in steps)


def _few_points(windows: Sequence[Bin], steps: Sequence[Bin]) -> Iterator[str]:
    """A sentence on a ramp that has become a dot, and on points of few answers."""
    if len(windows) == 1 < len(steps):
        yield f"the ramp is one point: it has {windows[0].completions} answers, and a point needs {MIN_COMPLETIONS}"
    few = sum(0 < window.completions < MIN_COMPLETIONS for window in windows)
    if few and len(windows) > 1:
        yield f"{few} of {len(windows)} points rest on fewer than {MIN_COMPLETIONS} answers: over 10 % of error"


def _find_marks(requests: Integers, times_s: Floats) -> _Marks:
    """Every row; or, where counts move only at every n-th row, those at which they move.

    A report comes at some moment between two rows; the straightest path through these corridors says when. A silent
    stretch of two reports or more is marked at the same pace: workers report even when they have nothing to say.
    """
    every = _Marks(np.arange(len(requests)), times_s)
    moves = 1 + np.flatnonzero(np.diff(requests))
    if len(moves) < 4:
        return every
    gaps = np.diff(moves)
    spacing = int(np.median(gaps))
    regular = float(np.mean((abs(gaps - spacing) <= 1) | (gaps >= 2 * spacing)))
    brought = float(np.median(np.diff(requests)[moves - 1]))
    if spacing not in REPORT_ROWS or regular < 0.8 or brought < REPORT_MINIMUM:
        return every
    marked = _fill_silence(moves, spacing, len(requests))
    lower, upper = times_s[marked - 1], times_s[marked]
    path_s = np.concatenate((times_s[:1], straightest(lower, upper, float(np.median(np.diff(upper))))))
    seconds = float(np.median(np.diff(path_s)))
    note = f"the counts move every {seconds:.1f} s only, as a distributed master's do: no window is narrower"
    return _Marks(np.concatenate(([0], marked)), path_s, (note,))


def _fill_silence(moves: Integers, spacing: int, rows: int) -> Integers:
    marked: list[int] = []
    for move, following in pairwise([*moves.tolist(), rows - 1 + spacing]):
        marked += range(move, following - spacing + 1, spacing) if following - move >= 2 * spacing else [move]
    return np.array(marked)


def _intervals(rows: pd.DataFrame, arrivals: Arrivals, marks: _Marks) -> list[_Interval]:
    """What completed between neighbouring marks, without those in which the counters were set back."""
    width_s = np.diff(marks.times_s)
    user_seconds = np.diff(arrivals.user_seconds(int(rows["users"].iloc[0]), marks.times_s))
    requests, failed = (np.diff(rows[name].to_numpy()[marks.rows]) for name in ("requests", "failures"))
    return [
        _Interval(
            first=int(marks.rows[place]),
            last=int(marks.rows[place + 1]),
            window=Bin(
                start_s=float(marks.times_s[place]),
                end_s=float(marks.times_s[place + 1]),
                users=float(user_seconds[place] / width_s[place]),
                good=max(0, int(requests[place] - failed[place])),
                failed=int(failed[place]),
            ),
        )
        for place in np.flatnonzero((requests >= 0) & (failed >= 0) & (width_s > 0))
    ]


def _anchored(rows: pd.DataFrame, times_s: Floats, marks: _Marks) -> Arrivals:
    """The arrivals, moved within their rows so that the ramp begins at the origin: without users, no answers.

    Rows and users both keep the pace of a second, so rows alone leave half a batch of users open everywhere. The first
    windows of a ramp are a straight line (no request queues yet); where it meets zero answers is where there were no
    users.
    """
    users = rows["users"].to_numpy()
    arrivals = find_arrivals(users, int(rows["requests"].iloc[0]), times_s)
    if users[0] or arrivals.latest_s - arrivals.earliest_s < WORTH_MOVING_S:
        return arrivals
    first = [each.window for each in _intervals(rows, arrivals, marks) if each.window.users > 0][:ORIGIN_WINDOWS]
    if len(first) < ORIGIN_WINDOWS or first[-1].users <= first[0].users:
        return arrivals
    slope, answers_at_zero = np.polyfit([w.users for w in first], [w.goodput_rps for w in first], 1)
    pace = (first[-1].users - first[0].users) / (first[-1].start_s - first[0].start_s)  # users per second
    return arrivals.moved(-answers_at_zero / slope / pace) if slope > 0 else arrivals


def _longest_at_most_users(users: Integers) -> tuple[int, int]:
    """First and last row of the longest stretch with all users there."""
    at_most = pd.Series(users == users.max())
    stretches = at_most[at_most].groupby((~at_most).cumsum())
    longest = max((stretch.index for _, stretch in stretches), key=len)
    return int(longest[0]), int(longest[-1])


def _faults(rows: pd.DataFrame, times_s: Floats) -> Iterator[str]:
    """Sentences on counters set back, rows that never came, and answers that were not good."""
    changes = rows[["requests", "failures"]].diff()
    resets = int((changes < 0).any(axis=1).sum())
    if resets:
        times = "once" if resets == 1 else f"{resets} times"
        yield f"the counters were set back {times} (as --reset-stats does): what completed around it is left out"
    gaps_s = np.diff(times_s)
    for place in np.flatnonzero(gaps_s > np.median(gaps_s) + WORTH_SAYING_S):
        start = f"{times_s[place]:.0f} s after the start"
        yield f"no row for {gaps_s[place]:.0f} s, {start}: Locust itself stood still"
    completed, failed = changes.clip(lower=0).sum()
    if failed and completed:
        yield f"{percent(min(1.0, failed / completed), '.1f')} of the answers failed; throughput counts good ones"


def _lulls(windows: Sequence[Bin]) -> Iterator[str]:
    for start_s, end_s in stalls(windows):
        if end_s - start_s >= WORTH_SAYING_S:
            yield f"no answer at all for {end_s - start_s:.0f} s, {start_s:.0f} s after the start"


def _remainder(times_s: Floats, end: int) -> Iterator[str]:
    left_s = float(times_s[-1] - times_s[end])
    if left_s >= WORTH_SAYING_S:
        yield f"the last {left_s:.0f} s, after the longest time with the most users, are not drawn"
