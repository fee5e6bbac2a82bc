"""The course of a run as a Locust load shape: warm-up, ramp, hold, drain, each marked in the record when it begins."""

import time

from gevent.event import Event
from locust import LoadTestShape

from locustfiles.recorder import Recorder
from loopbench.records import samples
from loopbench.records.load_order import LoadOrder


class Phases:
    """Where a ramp run stands. Locust asks `target` about once a second; the events come in between."""

    def __init__(self, order: LoadOrder, recorder: Recorder) -> None:
        self._order = order
        self._recorder = recorder
        self._hold_until_s: float | None = None
        self.ended = Event()

    def ramp(self) -> None:
        """Warm-up is over: from now on users come."""
        self._recorder.begin(samples.PHASE_RAMP)

    def hold(self) -> None:
        """All users are there."""
        if self._hold_until_s is None:
            self._recorder.begin(samples.PHASE_HOLD)
            self._hold_until_s = time.perf_counter() + self._order.hold_s

    def drain(self) -> None:
        """No new requests; those in flight may finish."""
        self._recorder.begin(samples.PHASE_DRAIN)
        self.ended.set()

    def target(self) -> tuple[int, float] | None:
        """Users and users per second wanted now; None when the load is over."""
        if self._hold_until_s is not None and time.perf_counter() >= self._hold_until_s:
            return None
        return self._order.users, self._order.spawn_rate


class PhasesShape(LoadTestShape):
    """Hands the phases to Locust. Set `phases` before the test starts."""

    phases: Phases

    def tick(self) -> tuple[int, float] | None:
        """See `Phases.target`."""
        return self.phases.target()
