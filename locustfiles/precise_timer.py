"""Waking at a given moment, more exactly than gevent's own timers can.

A libev loop asks the kernel to wake it in whole milliseconds: on the machine this was written on, `gevent.sleep` woke
0.6 ms late (median), a timer of the kernel's own that the loop watches like a socket (`timerfd`) 0.05 ms late.
"""

import contextlib
import ctypes
import os
import time
from typing import Any, Final, NoReturn

import gevent
from gevent import get_hub

_CLOCK_MONOTONIC: Final = 1  # on Linux the clock of `time.perf_counter`
_NONBLOCK_AND_CLOEXEC: Final = os.O_NONBLOCK | os.O_CLOEXEC
_ABSOLUTE: Final = 1


class _TimerSpec(ctypes.Structure):
    """`struct itimerspec`: how often again, and when first."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class PreciseTimer:
    """One greenlet's alarm clock, on `time.perf_counter`. Where the system has no timerfd, gevent's timers do."""

    def __init__(self) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._fd: int = -1
        with contextlib.suppress(AttributeError):  # another system's C library
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_AND_CLOEXEC)
        self._watcher = get_hub().loop.io(self._fd, 1) if self._fd >= 0 else None
        self._spec = _TimerSpec(0, 0, 0, 0)

    def wait_until(self, at_s: float) -> None:
        """Let others run until then; returns at once if it is past."""
        if at_s <= time.perf_counter():
            return
        if self._watcher is None:
            gevent.sleep(max(0.0, at_s - time.perf_counter()))
            return
        self._spec.value_s, self._spec.value_ns = int(at_s), int(at_s % 1 * 1e9)
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(self._spec), None) != 0:
            _raise_errno()
        get_hub().wait(self._watcher)
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)  # how often it rang; unread, it would ring for ever

    def close(self) -> None:
        """Give the descriptor back."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
            os.close(self._fd)


def _raise_errno() -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
