"""The phases of a run: warm-up, arrival of the users, the measured phase, drain.

Each phase is marked in the record when it begins. The phases after the warm-up depend on the kind of run:

- ramp: users come one by one, or in open mode the rate rises (`ramp`); then full load (`hold`);
- plateau: all users come at once (`settle`); then a short steady window (`hold`);
- steps: for each level in the given order, users come or go (`settle`); then a window at that level (`step-<users>`).
"""

import time
from collections.abc import Callable, Iterator

from gevent.event import Event

from loopbench.records import samples
from loopbench.records.load_spec import LoadSpec
from loopbench.records.session import KIND_PLATEAU, KIND_RAMP, KIND_STEPS

Users = tuple[int, float]  # number of users, and how many of them may come or go per second


class Phases:
    """The user schedule of a run: `levels` are the numbers of users. Locust asks for the next when one is reached.

    Args:
        spec: the load.
        begin: called with the name of each phase when it begins.
    """

    def __init__(self, spec: LoadSpec, begin: Callable[[str], None]) -> None:
        self._spec = spec
        self._begin = begin
        self._draining = False
        self._hold_began_s: float | None = None
        self._came = Event()
        self._ends_early = Event()
        kinds = {KIND_RAMP: self._ramp, KIND_PLATEAU: self._plateau, KIND_STEPS: self._steps}
        self.levels = kinds[spec.kind]()

    def load_begins(self) -> None:
        """Begin the phase after the warm-up, in which the users come."""
        self._begin(samples.PHASE_RAMP if self._spec.kind == KIND_RAMP else samples.PHASE_SETTLE)

    def all_users_came(self) -> None:
        """Note that the last number of users is reached. In closed mode this begins the hold of a ramp run."""
        self._came.set()
        if self._spec.kind == KIND_RAMP and not self._spec.load.is_open and self._hold_began_s is None:
            self._begin_hold()

    def drain(self) -> None:
        """Begin the drain: no new requests; those in flight may finish."""
        if not self._draining:
            self._draining = True
            self._begin(samples.PHASE_DRAIN)

    def end_early(self) -> None:
        """Pass over the rest of the phases to the drain, because the target has ended."""
        self._ends_early.set()
        self._came.set()

    def _ramp(self) -> Iterator[Users]:
        if self._spec.load.is_open:  # the rate rises instead, with all users present
            yield self._wanted(self._spec.load.users, self._at_once)
            self._came.wait()
            self._ends_early.wait(self._spec.load.ramp_s)
            self._begin_hold()
        else:
            yield self._wanted(self._spec.load.users, self._spec.load.spawn_rate)
            self._came.wait()  # a single Locust asks again while users come, a master when they have come
        self._hold()

    def _plateau(self) -> Iterator[Users]:
        yield self._wanted(self._spec.load.users, self._at_once)
        self._came.wait()
        self._ends_early.wait(self._spec.repeat.settle_s)
        self._begin_hold()
        self._hold()

    def _steps(self) -> Iterator[Users]:
        for level in self._spec.levels:
            yield self._wanted(level.users, self._at_once)
            self._came.wait()
            self._ends_early.wait(self._spec.repeat.settle_s)
            self._begin(samples.step_phase(level.users))
            self._ends_early.wait(level.hold_s)
            self._begin(samples.PHASE_SETTLE)
        self.drain()

    def _wanted(self, users: int, rate: float) -> Users:
        if not self._ends_early.is_set():
            self._came.clear()
        return users, rate

    @property
    def _at_once(self) -> float:
        """The spawn rate at which Locust starts all users in one batch."""
        return max((self._spec.load.users, *(level.users for level in self._spec.levels)))

    def _begin_hold(self) -> None:
        self._begin(samples.PHASE_HOLD)
        self._hold_began_s = time.perf_counter()

    def _hold(self) -> None:
        """Wait until the hold is over, then mark the drain, because Locust stops a little later."""
        began_s = time.perf_counter() if self._hold_began_s is None else self._hold_began_s
        self._ends_early.wait(max(0.0, began_s + self._spec.hold_s - time.perf_counter()))
        self.drain()
