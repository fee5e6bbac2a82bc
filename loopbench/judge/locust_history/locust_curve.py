"""From the counts in a Locust history to curves: throughput against users, by differencing, never by `Requests/s`.

That column is the mean of seconds [last request - 12, last request - 3]: in a ramp of 1 user/s it draws a knee at 4
users near 15, and in a stall it freezes at its last value. The cumulative counts are exact, and `locust_clock` knows
the times between them.

A file may hold several tests (users fall to none between them): each is a curve. Where the counters were set back
(`--reset-stats`), one interval is lost. The counts of a distributed master move only when its workers report, every
3 s by default: then windows run from report to report.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loopbench.errors import DataError
from loopbench.judge.locust_history.locust_arrivals import Arrivals, find_arrivals, user_seconds
from loopbench.judge.locust_history.locust_clock import row_times_s, straightest
from loopbench.judge.locust_history.locust_csv import History, Row
from loopbench.judge.run.windows import MIN_HOLD_S, Curve, Window, make_curve, stalls

REPORT_ROWS = range(2, 11)
"""Rows between two reports that are taken for a distributed master's (3 by default)."""

REPORT_MINIMUM = 10
"""Requests a report brings, on average; with fewer, rows without a move are chance."""

WORTH_SAYING_S = 5.0
"""Holes and stalls from this length on get a sentence."""

ORIGIN_WINDOWS = 5
"""Of a ramp's beginning, taken for a straight line through the origin."""

WORTH_MOVING_S = 0.05
"""Arrivals known better than this are left where they are."""

JUMP_SHARE = 0.2
"""Of all users; more than that between two rows is a jump, not a ramp."""

Floats = npt.NDArray[np.float64]


def make_curves(history: History, label: str) -> tuple[Curve, ...]:
    """A curve for each test in the file, in the order of time, numbered if there are several.

    Raises:
        DataError: no two neighbouring rows have users.
    """
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


@dataclass(frozen=True, slots=True)
class _Marks:
    """The rows whose counts are up to date, and since when: windows run from mark to mark."""

    rows: npt.NDArray[np.int64]
    times_s: Floats
    spacing_rows: int  # 1: every row is one

    @property
    def sentence(self) -> tuple[str, ...]:
        if self.spacing_rows == 1:
            return ()
        seconds = float(np.median(np.diff(self.times_s)))
        return (f"the counts move every {seconds:.1f} s only, as a distributed master's do: no window is narrower",)


class _Interval(NamedTuple):
    first: int  # row
    last: int  # row
    window: Window


def _tests(rows: Sequence[Row]) -> list[list[Row]]:
    """Stretches with users, each with the row before it, cut where the clock was set back."""
    tests: list[list[Row]] = []
    for index, row in enumerate(rows):
        before = rows[index - 1] if index else None
        steady = before is not None and before.stamp_s <= row.stamp_s
        if row.users and not (steady and before and before.users):
            tests.append([before] if steady and before else [])
        if row.users:
            tests[-1].append(row)
    return [test for test in tests if len(test) > 1]


def _curve(rows: Sequence[Row], label: str, notes: tuple[str, ...]) -> Curve:
    times_s = row_times_s([row.stamp_s for row in rows])
    marks = _find_marks(rows, times_s)
    intervals = _intervals(rows, _anchored(rows, times_s, marks), marks, rows[0].users)
    begin, end = _longest_at_most_users(rows)
    if times_s[end] - times_s[begin] < MIN_HOLD_S:
        begin = end
    ramp = [i for i in intervals if i.first < begin and i.last <= end]
    steps = [i.window for i in ramp if not _jumps(rows[i.first : i.last + 1], rows[end].users)]
    hold = [i.window for i in intervals if begin <= i.first and i.last <= end]
    notes += marks.sentence + _faults(rows, times_s) + _lulls([*steps, *hold]) + _remainder(times_s, end)
    return make_curve(label, steps, hold, notes)


def _find_marks(rows: Sequence[Row], times_s: Floats) -> _Marks:
    """Every row; or, where counts move only at every n-th row, those at which they move.

    A report comes at some moment between two rows; the straightest path through these corridors says when. A silent
    stretch of two reports or more is marked at the same pace: workers report even when they have nothing to say.
    """
    every = _Marks(np.arange(len(rows)), times_s, 1)
    requests = np.array([row.requests for row in rows])
    moves = 1 + np.flatnonzero(np.diff(requests))
    if len(moves) < 4:
        return every
    gaps = np.diff(moves)
    spacing = int(np.median(gaps))
    regular = float(np.mean((abs(gaps - spacing) <= 1) | (gaps >= 2 * spacing)))
    brought = float(np.median(np.diff(requests)[moves - 1]))
    if spacing not in REPORT_ROWS or regular < 0.8 or brought < REPORT_MINIMUM:
        return every
    marked = _fill_silence(moves, spacing, len(rows))
    lower, upper = times_s[marked - 1], times_s[marked]
    path_s = straightest(lower, upper, float(np.median(np.diff(upper))))
    return _Marks(np.concatenate(([0], marked)), np.concatenate((times_s[:1], path_s)), spacing)


def _fill_silence(moves: npt.NDArray[np.int64], spacing: int, rows: int) -> npt.NDArray[np.int64]:
    marked: list[int] = []
    for move, following in pairwise([*moves.tolist(), rows - 1 + spacing]):
        marked += range(move, following - spacing + 1, spacing) if following - move >= 2 * spacing else [move]
    return np.array(marked)


def _intervals(rows: Sequence[Row], arrivals: Arrivals, marks: _Marks, users_before: int) -> list[_Interval]:
    """What completed between neighbouring marks, without those in which the counters were set back."""
    until = user_seconds(arrivals, users_before, float(marks.times_s[0]), marks.times_s)
    intervals = []
    for index, (first, last) in enumerate(pairwise(marks.rows.tolist())):
        requests = rows[last].requests - rows[first].requests
        failed = rows[last].failures - rows[first].failures
        begin_s, end_s = marks.times_s[index : index + 2].tolist()
        if requests < 0 or failed < 0 or end_s <= begin_s:
            continue
        mean_users = float(until[index + 1] - until[index]) / (end_s - begin_s)
        window = Window(begin_s, end_s, mean_users, max(0, requests - failed), failed)
        intervals.append(_Interval(first, last, window))
    return intervals


def _anchored(rows: Sequence[Row], times_s: Floats, marks: _Marks) -> Arrivals:
    """The arrivals, moved within their rows so that the ramp begins at the origin: without users, no answers.

    Rows and users both keep the pace of a second, so rows alone leave half a batch of users open everywhere. The first
    windows of a ramp are a straight line (nobody queues yet); where it meets zero answers is where there were no users.
    """
    arrivals = find_arrivals(rows, times_s)
    if rows[0].users or arrivals.play_s < WORTH_MOVING_S:
        return arrivals
    windows = [i.window for i in _intervals(rows, arrivals, marks, rows[0].users) if i.window.users > 0]
    first = windows[:ORIGIN_WINDOWS]
    if len(first) < ORIGIN_WINDOWS or first[-1].users <= first[0].users:
        return arrivals
    slope, answers_at_zero = np.polyfit([w.users for w in first], [w.goodput_rps for w in first], 1)
    pace = (first[-1].users - first[0].users) / (first[-1].start_s - first[0].start_s)  # users per second
    return arrivals.moved(-answers_at_zero / slope / pace) if slope > 0 else arrivals


def _longest_at_most_users(rows: Sequence[Row]) -> tuple[int, int]:
    """First and last row of the longest stretch with all users there."""
    most = max(row.users for row in rows)
    runs = groupby(enumerate(rows), key=lambda pair: pair[1].users == most)
    stretches = [[index for index, _ in run] for at_most, run in runs if at_most]
    longest = max(stretches, key=len)
    return longest[0], longest[-1]


def _jumps(rows: Sequence[Row], most: int) -> bool:
    """Whether so many users came or went at once that the mean between would be a number nobody had."""
    return any(abs(b.users - a.users) > max(2, JUMP_SHARE * most) for a, b in pairwise(rows))


def _faults(rows: Sequence[Row], times_s: Floats) -> tuple[str, ...]:
    """Sentences on counters set back, rows that never came, and answers that were not good."""
    notes = []
    resets = sum(b.requests < a.requests or b.failures < a.failures for a, b in pairwise(rows))
    if resets:
        times = "once" if resets == 1 else f"{resets} times"
        notes.append(
            f"the counters were set back {times} (as --reset-stats does): what completed around it is left out"
        )
    usual_s = float(np.median(np.diff(times_s)))
    for begin_s, gap_s in zip(times_s.tolist(), np.diff(times_s).tolist(), strict=False):
        if gap_s > usual_s + WORTH_SAYING_S:
            notes.append(f"no row for {gap_s:.0f} s, {begin_s:.0f} s after the start: Locust itself stood still")
    failed = sum(max(0, b.failures - a.failures) for a, b in pairwise(rows))
    completed = sum(max(0, b.requests - a.requests) for a, b in pairwise(rows))
    if failed and completed:
        notes.append(f"{min(1.0, failed / completed):.1%} of the answers failed; throughput counts good ones")
    return tuple(notes)


def _lulls(windows: Sequence[Window]) -> tuple[str, ...]:
    return tuple(
        f"no answer at all for {end_s - start_s:.0f} s, {start_s:.0f} s after the start"
        for start_s, end_s in stalls(windows)
        if end_s - start_s >= WORTH_SAYING_S
    )


def _remainder(times_s: Floats, end: int) -> tuple[str, ...]:
    left_s = float(times_s[-1] - times_s[end])
    if left_s < WORTH_SAYING_S:
        return ()
    return (f"the last {left_s:.0f} s, after the longest time with the most users, are not drawn",)
