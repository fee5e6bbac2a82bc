"""Gives each request to an idle user at the moment it is due (open mode).

Each user is one connection, so at most as many requests are in flight as there are users. When all users are busy, due
requests wait here in order, start late, and have their lateness recorded. The schedule itself never waits.
"""

import time
from collections.abc import Iterable
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import Empty, SimpleQueue

from loopbench.locustfiles.precise_timer import PreciseTimer
from loopbench.locustfiles.recorder import Recorder

GROUP_S = 0.1  # unsent requests that were due within this time are recorded as one group


class Dispatcher:
    """The queue between one schedule and its users.

    Args:
        due_times_s: seconds after `begin`, in order.
        ended: set when the load is over; a due request that has not started by then is never sent.
        recorder: receives the number of due requests, and those that were never sent.
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
        """Start the schedule. Later calls do nothing, because Locust reports several times that all users came."""
        if self._began:
            return
        self._began = True
        dispatching = gevent.spawn(self._dispatch, time.perf_counter())
        gevent.spawn(self._finish, dispatching)

    def next_due_s(self) -> float | None:
        """Wait for the next request and return its due time on `time.perf_counter`; None if the load is over."""
        due_s: float | None = self._queue.get()
        if due_s is None:
            self._queue.put(None)  # for the next user
        elif self._ended.is_set():  # it ended while this user was woken
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
    """Group ordered due times as (time, count). No request of a group was due later than the group's time."""
    groups: list[tuple[float, int]] = []
    first_s = float("-inf")
    for at_s in due_s:
        if at_s - first_s < within_s:
            groups[-1] = (at_s, groups[-1][1] + 1)
        else:
            first_s = at_s
            groups.append((at_s, 1))
    return groups
