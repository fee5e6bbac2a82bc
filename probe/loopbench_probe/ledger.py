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


class Look(NamedTuple):
    """What the loop thread was found doing at one moment."""

    time_s: float
    idle_s: float | None  # idle time so far; None: no exact source
    iterations: int
    task: Hashable  # which task is being stepped; None: a plain callback
    place: Place | None  # None: the loop waits

    def same_step(self, earlier: Look) -> bool:
        """Whether both looks fell into one uninterrupted callback or task step."""
        both = self.place is not None and earlier.place is not None
        return both and (self.iterations, self.task) == (earlier.iterations, earlier.task)


@dataclass
class Spent:
    """Time on one place."""

    seconds: float = 0.0
    samples: int = 0


@dataclass
class Lines:
    """What one second brought."""

    blocked: dict[Place, Spent] = field(default_factory=dict)
    busy: dict[Place, Spent] = field(default_factory=dict)
    unseen_s: float = 0.0  # blocked for longer than the limit, but over before anybody could look


class Ledger:
    """Splits the time between consecutive looks among the places seen.

    The busy part of an interval (wall time less idle time) goes to the place at the end of it that was working; half
    to each when both were. An interval far longer than the pause between looks means that the watcher could not get
    the GIL: then what is found on waking is what held it, and gets everything.
    """

    def __init__(self, blocked_after_s: float, late_after_s: float) -> None:
        self._blocked_after_s = blocked_after_s
        self._late_after_s = late_after_s
        self._last: Look | None = None
        self._step: dict[Place, Spent] = {}
        self._step_blocks = False  # already over the limit: what follows in this step is blocked time at once
        self._lines = Lines()

    def add(self, look: Look) -> None:
        """Account for the time since the look before this one."""
        last, self._last = self._last, look
        if last is None:
            return
        wall_s = max(0.0, look.time_s - last.time_s)
        busy_s = _busy(last, look, wall_s)
        if look.same_step(last):
            self._share(last.place, look.place, busy_s, late=wall_s > self._late_after_s)
        else:
            self._change_step(last, look, busy_s, late=wall_s > self._late_after_s)
        if look.place is not None:
            self._step.setdefault(look.place, Spent()).samples += 1

    def _share(self, before: Place | None, now: Place | None, busy_s: float, *, late: bool) -> None:
        for place, part in ((before, 0.0 if late else 0.5), (now, 1.0 if late else 0.5)):
            if place is not None:
                self._step.setdefault(place, Spent()).seconds += part * busy_s

    def _change_step(self, last: Look, look: Look, busy_s: float, *, late: bool) -> None:
        if last.place is None and look.place is None:
            self._account_unseen(last, look, busy_s)
        to_last = _share_of_last(last, look, late=late)
        if last.place is not None:
            self._step.setdefault(last.place, Spent()).seconds += to_last * busy_s
        self._close_step()
        if look.place is not None:
            self._step.setdefault(look.place, Spent()).seconds += (1.0 - to_last) * busy_s

    def _account_unseen(self, last: Look, look: Look, busy_s: float) -> None:
        if busy_s >= self._blocked_after_s and look.iterations - last.iterations <= 2:
            self._lines.unseen_s += busy_s

    def _close_step(self) -> None:
        self._flush_step(over=True)
        self._step_blocks = False

    def _flush_step(self, *, over: bool) -> None:
        seconds = sum(spent.seconds for spent in self._step.values())
        self._step_blocks = self._step_blocks or seconds >= self._blocked_after_s
        if self._step_blocks or over:
            into = self._lines.blocked if self._step_blocks else self._lines.busy
            for place, spent in self._step.items():
                total = into.setdefault(place, Spent())
                total.seconds += spent.seconds
                total.samples += spent.samples
            self._step = {}

    def take(self) -> Lines:
        """What has gathered since the last time; of a step still running, the blocked time so far."""
        self._flush_step(over=False)
        lines, self._lines = self._lines, Lines()
        return lines


def _busy(last: Look, look: Look, wall_s: float) -> float:
    if last.idle_s is not None and look.idle_s is not None:
        return min(wall_s, max(0.0, wall_s - (look.idle_s - last.idle_s)))
    working = (last.place is not None) + (look.place is not None)
    return wall_s * working / 2


def _share_of_last(last: Look, look: Look, *, late: bool) -> float:
    if last.place is None:
        return 0.0
    if look.place is None:
        return 1.0
    return 0.0 if late else 0.5
