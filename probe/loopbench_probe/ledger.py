"""Turns looks at the loop's thread into time per line. Pure arithmetic: looks go in, totals come out once a second.

A *step* is one callback or one step of one task: what runs between two returns to the loop. A step longer than the
limit has blocked the loop. The time of shorter steps is counted separately, as busy time. All times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

    from loopbench_probe.places import Place

MANY_POLLS = 5


class Look(NamedTuple):
    """What the loop's thread was doing at one moment."""

    time_s: float
    idle_s: float | None  # idle time so far; None: there is no exact source
    iterations: int
    task: Hashable  # which task is being stepped; None: a plain callback
    place: Place | None  # None: the loop waits
    cpu_s: float | None = None  # CPU time of the loop's thread so far; None: there is no such clock
    answers: int | None = None  # responses the server has completed so far; None: unknown

    def same_step(self, earlier: Look) -> bool:
        """Return whether both looks fell into one uninterrupted callback or task step."""
        both = self.place is not None and earlier.place is not None
        return both and (self.iterations, self.task) == (earlier.iterations, earlier.task)

    def several_since(self, earlier: Look) -> bool:
        """Return whether more ran since `earlier` than the end of one step and the beginning of another.

        That is so if two responses were completed, or if the loop worked at both looks and polled MANY_POLLS times in
        between. (Between a wait and a long step it polls a few times, and the idle time covers what came before.)
        """
        answers = 0 if self.answers is None or earlier.answers is None else self.answers - earlier.answers
        at_work = self.place is not None and earlier.place is not None
        return answers >= 2 or (at_work and self.iterations - earlier.iterations >= MANY_POLLS)


@dataclass
class Spent:
    """Time on one place."""

    seconds: float = 0.0
    samples: int = 0
    cpu_s: float | None = None  # part of `seconds` spent on the CPU; None: not measured
    longest_s: float | None = None  # most time of one blocked step on the place's own line; None: no blocked step

    def add(self, seconds: float, cpu_s: float | None) -> None:
        """Add time on the same place."""
        self.seconds += seconds
        if cpu_s is not None:
            self.cpu_s = (self.cpu_s or 0.0) + cpu_s


@dataclass
class Lines:
    """The time per place of one second."""

    blocked: dict[Place, Spent] = field(default_factory=dict)
    busy: dict[Place, Spent] = field(default_factory=dict)
    unseen_s: float = 0.0  # blocked for longer than the limit, but no look saw a Python frame


class Ledger:
    """Splits the time between consecutive looks among the places seen.

    The busy part of an interval (wall time minus idle time) goes to the place seen at its start or end; if there was
    one at both, each gets half. If several steps ran in the interval, because the loop was busy or the look came late,
    the time belongs to all of them: it counts for the line seen, but does not prove that one step was long. An interval
    far longer than the pause between looks means that the watcher did not get the GIL. The place seen after it then
    held the GIL, and gets the whole interval.
    """

    def __init__(self, blocked_after_s: float, late_by_s: float) -> None:
        self._blocked_after_s = blocked_after_s
        self._late_by_s = late_by_s
        self._last: Look | None = None
        self._step: dict[Place, Spent] = {}
        self._stretches_s: dict[Hashable, float] = {}  # of a blocking step: its time so far, by own line
        self._proven_s = 0.0  # time that certainly belongs to the one step
        self._step_blocks = False  # the step is over the limit: the rest of it is blocked time
        self._frameless_s = 0.0
        self._lines = Lines()

    def add(self, look: Look, pause_s: float) -> None:
        """Account for the time since the previous look; `pause_s` is how long the watcher meant to sleep."""
        last, self._last = self._last, look
        if last is None:
            return
        wall_s = max(0.0, look.time_s - last.time_s)
        busy = _busy(last, look, wall_s)
        late = wall_s > pause_s + self._late_by_s
        if look.same_step(last):
            self._share(last.place, look.place, busy, late=late)
        else:
            self._change_step(last, look, busy, late=late)
        if look.place is not None:
            self._step.setdefault(look.place, Spent()).samples += 1

    def _share(self, before: Place | None, now: Place | None, busy: _Busy, *, late: bool) -> None:
        for place, part in ((before, 0.0 if late else 0.5), (now, 1.0 if late else 0.5)):
            self._spend(place, part, busy)

    def _spend(self, place: Place | None, part: float, busy: _Busy, *, proven: bool = True) -> None:
        if place is not None:
            self._proven_s += part * busy.seconds if proven else 0.0
            cpu_s = None if busy.cpu_s is None else part * busy.cpu_s
            others = not proven and busy.seconds >= self._blocked_after_s  # a long interval, mostly of other steps
            into = self._lines.busy if others else self._step
            into.setdefault(place, Spent()).add(part * busy.seconds, cpu_s)

    def _change_step(self, last: Look, look: Look, busy: _Busy, *, late: bool) -> None:
        if last.place is None and look.place is None:
            self._account_unseen(last, look, busy.seconds)
        else:
            self._end_frameless()
        to_last = _share_of_last(last, look, late=late)
        proven = not look.several_since(last)
        self._spend(last.place, to_last, busy, proven=proven)
        self._close_step()
        self._spend(look.place, 1.0 - to_last, busy, proven=proven)

    def _account_unseen(self, last: Look, look: Look, busy_s: float) -> None:
        """Count busy time without a frame: a C callback on uvloop, or a block that fell between two looks."""
        polled = look.iterations - last.iterations
        self._frameless_s = self._frameless_s + busy_s if polled <= 2 else 0.0
        if polled:
            self._end_frameless()

    def _end_frameless(self) -> None:
        if self._frameless_s >= self._blocked_after_s:
            self._lines.unseen_s += self._frameless_s
        self._frameless_s = 0.0

    def _close_step(self) -> None:
        self._flush_step(over=True)
        self._step_blocks, self._proven_s = False, 0.0
        self._stretches_s = {}

    def _flush_step(self, *, over: bool) -> None:
        self._step_blocks = self._step_blocks or self._proven_s >= self._blocked_after_s
        if self._step_blocks or over:
            into = self._lines.blocked if self._step_blocks else self._lines.busy
            for place, spent in self._step.items():
                total = into.setdefault(place, Spent())
                total.add(spent.seconds, spent.cpu_s)
                total.samples += spent.samples
            if self._step_blocks:
                self._stretch(into)
            self._step = {}

    def _stretch(self, blocked: dict[Place, Spent]) -> None:
        """Update how long the step has been on each line, across seconds and whatever the line called."""
        for place, spent in self._step.items():
            self._stretches_s[_own_line(place)] = self._stretches_s.get(_own_line(place), 0.0) + spent.seconds
        for place in self._step:
            blocked[place].longest_s = max(blocked[place].longest_s or 0.0, self._stretches_s[_own_line(place)])

    def take(self) -> Lines:
        """Return the times since the last call, including the blocked time so far of a step still running."""
        self._flush_step(over=False)
        lines, self._lines = self._lines, Lines()
        return lines


class _Busy(NamedTuple):
    """The part of an interval in which the loop worked."""

    seconds: float
    cpu_s: float | None


def _busy(last: Look, look: Look, wall_s: float) -> _Busy:
    if last.idle_s is not None and look.idle_s is not None:
        seconds = min(wall_s, max(0.0, wall_s - (look.idle_s - last.idle_s)))
    else:
        seconds = wall_s * ((last.place is not None) + (look.place is not None)) / 2
    if last.cpu_s is None or look.cpu_s is None:
        return _Busy(seconds, None)
    return _Busy(seconds, min(seconds, max(0.0, look.cpu_s - last.cpu_s)))


def _own_line(place: Place) -> Hashable:
    """Return the user's line, whatever ran below it; without one, the place itself."""
    return place if place.user_file is None else (place.user_file, place.user_line, place.user_function)


def _share_of_last(last: Look, look: Look, *, late: bool) -> float:
    if last.place is None:
        return 0.0
    if look.place is None:
        return 1.0
    return 0.0 if late else 0.5
