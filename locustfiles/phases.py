"""The phases of a run: warm-up, arrival of the users, the measured phase, drain.

Each phase is marked in the record when it begins. The phases after the warm-up depend on the kind of run:

- ramp: users come one by one, or in open mode the rate rises (`ramp`); then full load (`hold`);
- plateau: all users come at once (`settle`); then a short steady window (`hold`);
- steps: for each level in the given order, users come or go (`settle`); then a window at that level (`step-<users>`).
"""

import time
from collections.abc import Callable, Iterator

import gevent
from gevent.event import Event

from loopbench.records import samples
from loopbench.records.load_order import MODE_CLOSED, MODE_OPEN, LoadOrder
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP, KIND_STEPS

Users = tuple[int, float]
"""Number of users, and how many of them may come or go per second."""


class Phases:
    """The user schedule of a run. Locust asks for the next number of users when the last one is reached.

    Args:
        order: the load.
        begin: called with the name of each phase when it begins.
    """

    def __init__(self, order: LoadOrder, begin: Callable[[str], None]) -> None:
        self._order = order
        self._begin = begin
        self._draining = False
        self._hold_began_s: float | None = None
        self._came = Event()
        kinds = {KIND_RAMP: self._ramp, KIND_PLATEAU: self._plateau, KIND_STEPS: self._steps}
        self._levels = kinds[order.kind]()

    def load_begins(self) -> None:
        """Begin the phase after the warm-up, in which the users come."""
        self._begin(samples.PHASE_RAMP if self._order.kind == KIND_RAMP else samples.PHASE_SETTLE)

    def all_users_came(self) -> None:
        """Note that the last number of users is reached. In closed mode this begins the hold of a ramp run."""
        self._came.set()
        if self._order.kind == KIND_RAMP and self._order.mode == MODE_CLOSED and self._hold_began_s is None:
            self._begin_hold()

    def drain(self) -> None:
        """Begin the drain: no new requests; those in flight may finish."""
        if not self._draining:
            self._draining = True
            self._begin(samples.PHASE_DRAIN)

    def next_users(self) -> Users | None:
        """See `shape.UserSchedule.next_users`."""
        return next(self._levels, None)

    def _ramp(self) -> Iterator[Users]:
        if self._order.mode == MODE_OPEN:  # the rate rises instead, with all users present
            yield self._wanted(self._order.users, self._at_once)
            self._came.wait()
            gevent.sleep(self._order.ramp_s)
            self._begin_hold()
        else:
            yield self._wanted(self._order.users, self._order.spawn_rate)
            self._came.wait()  # a single Locust asks again while users come, a master when they have come
        self._hold()

    def _plateau(self) -> Iterator[Users]:
        yield self._wanted(self._order.users, self._at_once)
        self._came.wait()
        gevent.sleep(self._order.settle_s)
        self._begin_hold()
        self._hold()

    def _steps(self) -> Iterator[Users]:
        for level in self._order.steps:
            yield self._wanted(level.users, self._at_once)
            self._came.wait()
            gevent.sleep(self._order.settle_s)
            self._begin(samples.step_phase(level.users))
            gevent.sleep(level.hold_s)
            self._begin(samples.PHASE_SETTLE)
        self.drain()

    def _wanted(self, users: int, rate: float) -> Users:
        self._came.clear()
        return users, rate

    @property
    def _at_once(self) -> float:
        """The spawn rate at which Locust starts all users in one batch."""
        return max((self._order.users, *(level.users for level in self._order.steps)))

    def _begin_hold(self) -> None:
        self._begin(samples.PHASE_HOLD)
        self._hold_began_s = time.perf_counter()

    def _hold(self) -> None:
        """Wait until the hold is over, then mark the drain, because Locust stops a little later."""
        began_s = time.perf_counter() if self._hold_began_s is None else self._hold_began_s
        gevent.sleep(max(0.0, began_s + self._order.hold_s - time.perf_counter()))
        self.drain()
