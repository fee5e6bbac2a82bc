"""From looks at the loop to time per line: pure arithmetic, fed with looks, asked once a second.

A *step* is one callback or one step of one task: what runs between two returns to the loop. A step that takes longer
than the limit has blocked the loop; what shorter steps took is kept apart as busy time. All times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable

    from loopbench_probe.places import Place

MANY_POLLS = 5


class Look(NamedTuple):
    """What the loop thread was found doing at one moment."""

    time_s: float
    idle_s: float | None  # idle time so far; None: no exact source
    iterations: int
    task: Hashable  # which task is being stepped; None: a plain callback
    place: Place | None  # None: the loop waits
    cpu_s: float | None = None  # CPU time of the loop's thread so far; None: no such clock
    answers: int | None = None  # that the server has completed so far; None: it does not count

    def same_step(self, earlier: Look) -> bool:
        """Whether both looks fell into one uninterrupted callback or task step."""
        both = self.place is not None and earlier.place is not None
        return both and (self.iterations, self.task) == (earlier.iterations, earlier.task)

    def several_since(self, earlier: Look) -> bool:
        """Whether more steps ran since than the end of one and the beginning of another.

        Two answers went out; or a loop that was at work both times polled often in between. (From a wait to a long step
        and back it polls a few times, and for what went before it the idle time accounts.)
        """
        answers = 0 if self.answers is None or earlier.answers is None else self.answers - earlier.answers
        at_work = self.place is not None and earlier.place is not None
        return answers >= 2 or (at_work and self.iterations - earlier.iterations >= MANY_POLLS)


@dataclass
class Spent:
    """Time on one place."""

    seconds: float = 0.0
    samples: int = 0
    cpu_s: float | None = None  # of these seconds, computing; None: not measured
    longest_s: float | None = None  # the most that one blocked step spent on the place's own line; None: none blocked

    def add(self, seconds: float, cpu_s: float | None) -> None:
        """More time on the same place."""
        self.seconds += seconds
        if cpu_s is not None:
            self.cpu_s = (self.cpu_s or 0.0) + cpu_s


@dataclass
class Lines:
    """What one second brought."""

    blocked: dict[Place, Spent] = field(default_factory=dict)
    busy: dict[Place, Spent] = field(default_factory=dict)
    unseen_s: float = 0.0  # blocked for longer than the limit, but without a frame, or over before anybody could look


class Ledger:
    """Splits the time between consecutive looks among the places seen.

    The busy part of an interval (wall time less idle time) goes to the place at the end of it that was working; half
    to each when both were. Where several steps ran in an interval, on a busy loop or because the watcher came late, the
    time is theirs all together: it counts for the line that was seen, but is no proof that one step was long. An
    interval far longer than the pause between looks means that the watcher could not get
    the GIL: then what is found on waking is what held it, and gets everything.
    """

    def __init__(self, blocked_after_s: float, late_by_s: float) -> None:
        self._blocked_after_s = blocked_after_s
        self._late_by_s = late_by_s
        self._last: Look | None = None
        self._step: dict[Place, Spent] = {}
        self._stretches_s: dict[Hashable, float] = {}  # of the step, if it blocks: by own line, its time so far
        self._proven_s = 0.0  # of the step: surely one step's
        self._step_blocks = False  # already over the limit: what follows in this step is blocked time at once
        self._frameless_s = 0.0
        self._lines = Lines()

    def add(self, look: Look, pause_s: float) -> None:
        """Account for the time since the look before this one, after which the watcher meant to sleep for `pause_s`."""
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
            others = not proven and busy.seconds >= self._blocked_after_s  # long, and mostly other steps' time
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
        """A stretch at work without a frame: a callback into C on uvloop, or a block between two looks."""
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
        """How long the step has been on each line, over seconds and over whatever the line called."""
        for place, spent in self._step.items():
            self._stretches_s[_own_line(place)] = self._stretches_s.get(_own_line(place), 0.0) + spent.seconds
        for place in self._step:
            blocked[place].longest_s = max(blocked[place].longest_s or 0.0, self._stretches_s[_own_line(place)])

    def take(self) -> Lines:
        """What has gathered since the last time; of a step still running, the blocked time so far."""
        self._flush_step(over=False)
        lines, self._lines = self._lines, Lines()
        return lines


class _Busy(NamedTuple):
    """The part of an interval in which the loop was at work."""

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
    """The user's line, whatever ran below it; the place itself where there is none."""
    return place if place.user_file is None else (place.user_file, place.user_line, place.user_function)


def _share_of_last(last: Look, look: Look, *, late: bool) -> float:
    if last.place is None:
        return 0.0
    if look.place is None:
        return 1.0
    return 0.0 if late else 0.5
