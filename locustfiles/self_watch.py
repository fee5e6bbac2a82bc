"""Watches the generator itself: its CPU time, its loop's lag and the connections it opened, since the last look.

The lag comes from a heartbeat: 50 times a second a greenlet is due to wake, and notes how late it does. An answer that
arrives at such a moment waits as long before it is read, and that wait is part of its latency.
"""

import time
from collections.abc import Callable

import gevent

from loopbench.locustfiles.precise_timer import PreciseTimer
from loopbench.records.generator_watch import WatchedSecond

BEAT_S = 0.02


class SelfWatch:
    """The self-watch of one generator process.

    Args:
        origin_s: zero of the rows' times, on `time.perf_counter`.
        connections: returns how many connections were opened so far; None if the client does not count them.
        clock: for tests.
        cpu_clock: for tests; returns CPU seconds of this process, all threads.
    """

    def __init__(
        self,
        origin_s: float,
        connections: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._origin_s = origin_s
        self._connections = connections
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._lags_us: list[int] = []
        self._since_s = clock()
        self._cpu_s = cpu_clock()
        self._opened = connections() if connections else 0

    def start(self) -> gevent.Greenlet:
        """Start the heartbeat, which runs until the process ends or the greenlet is killed."""
        beating: gevent.Greenlet = gevent.spawn(self._beat_for_ever)
        return beating

    @property
    def age_s(self) -> float:
        """Seconds since the last call of `take`."""
        return self._clock() - self._since_s

    def take(self) -> WatchedSecond:
        """Return the figures since the last call."""
        now_s, cpu_s, lags_us = self._clock(), self._cpu_clock(), self._lags_us
        opened = self._connections() if self._connections else None
        second = WatchedSecond(
            at_s=round(now_s - self._origin_s, 6),
            span_s=round(now_s - self._since_s, 6),
            cpu_s=round(cpu_s - self._cpu_s, 6),
            lags_us=tuple(lags_us),
            new_connections=None if opened is None else opened - self._opened,
        )
        self._since_s, self._cpu_s, self._opened, self._lags_us = now_s, cpu_s, opened or 0, []
        return second

    def beat(self, due_s: float) -> float:
        """Note how late the beat due at `due_s` is, and return when the next beat is due."""
        now_s = self._clock()
        while due_s <= now_s:
            self._lags_us.append(round((now_s - due_s) * 1e6))
            due_s += BEAT_S
        return due_s

    def _beat_for_ever(self) -> None:
        timer = PreciseTimer()
        due_s = self._clock() + BEAT_S
        try:
            while True:
                timer.wait_until(due_s)
                due_s = self.beat(due_s)
        finally:
            timer.close()
