"""Hands each request to an idle user at the moment it is due (open mode).

The users are the connections: as many requests as there are users can be in flight. When all are busy, due requests
wait here in order, are started late, and their lateness is recorded; the schedule itself never waits for anybody.
"""

import time
from collections.abc import Iterable
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import Empty, SimpleQueue

from locustfiles.precise_timer import PreciseTimer
from locustfiles.recorder import Recorder

GROUP_S = 0.1
"""Requests that were never sent are recorded in groups that were due within this time."""


class Dispatcher:
    """The shared queue between one schedule and the users that serve it.

    Args:
        due_times_s: seconds after the begin, in order.
        ended: set when the load is over; what is due and not started by then is never sent.
        recorder: told how many requests were due, and which were never sent.
    """

    def __init__(self, due_times_s: Iterable[float], ended: Event, recorder: Recorder) -> None:
        self._due_times_s = due_times_s
        self._ended = ended
        self._recorder = recorder
        self._queue: Any = SimpleQueue()  # of float | None
        self._refused_s: list[float] = []
        self._began = False
        self.due = 0

    def begin(self) -> None:
        """From now on requests are due. A second call does nothing: Locust says more than once that all users came."""
        if self._began:
            return
        self._began = True
        dispatching = gevent.spawn(self._dispatch, time.perf_counter())
        gevent.spawn(self._finish, dispatching)

    def next_due_s(self) -> float | None:
        """When the next request is (or was) due, on `time.perf_counter`; waits for it. None: the load is over."""
        due_s: float | None = self._queue.get()
        if due_s is None:
            self._queue.put(None)  # for the next user
        elif self._ended.is_set():  # since a moment ago
            self._refused_s.append(due_s)
            return None
        return due_s

    def _dispatch(self, origin_s: float) -> None:
        timer, put = PreciseTimer(), self._queue.put
        try:
            for after_s in self._due_times_s:
                due_s = origin_s + after_s
                timer.wait_until(due_s)
                if self._ended.is_set():
                    return
                self.due += 1
                put(due_s)
        finally:
            timer.close()

    def _finish(self, dispatching: gevent.Greenlet) -> None:
        self._ended.wait()
        dispatching.kill()
        self._recorder.load_ended(self.due, grouped(sorted(self._refused_s + self._left())))
        self._queue.put(None)

    def _left(self) -> list[float]:
        left = []
        while True:
            try:
                left.append(self._queue.get_nowait())
            except Empty:
                return [due_s for due_s in left if due_s is not None]


def grouped(due_s: Iterable[float], within_s: float = GROUP_S) -> list[tuple[float, int]]:
    """Moments in order as (the latest of a group, how many): none was due later than its group says."""
    groups: list[tuple[float, int]] = []
    first_s = float("-inf")
    for at_s in due_s:
        if at_s - first_s < within_s:
            groups[-1] = (at_s, groups[-1][1] + 1)
        else:
            first_s = at_s
            groups.append((at_s, 1))
    return groups
