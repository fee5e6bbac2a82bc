"""The exact idle time of the loop and its number of iterations.

Both can be read from any thread while the loop waits or works. `iterations` counts entries into the poll for events, so
it does not change while one iteration's callbacks run.
"""

from __future__ import annotations

import ctypes
import math
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio

SELECTOR_LATENESS_S = 0.002
"""A selector may return this late without GIL contention: timeouts in whole milliseconds, a slow wake-up."""


class Idle(NamedTuple):
    """One reading: seconds spent waiting for events since the loop began, the current wait included."""

    idle_s: float
    iterations: int


class _Waiting(NamedTuple):
    """A call of `select` in progress."""

    before_s: float  # idle time when it began
    since_s: float
    until_s: float  # SELECTOR_LATENESS_S included
    cpu_s: float  # of the process, at the beginning

    def idle_s(self) -> float:
        """Return the idle time up to now."""
        now_s = time.monotonic()
        late_s = max(0.0, now_s - self.until_s)
        waiting_for_gil_s = min(late_s, time.process_time() - self.cpu_s) if late_s else 0.0
        return self.before_s + max(0.0, now_s - self.since_s - waiting_for_gil_s)


class SelectorIdle:
    """Idle time of an asyncio loop: the time inside the selector's `select` when it may wait.

    When another thread computes, a `select` that has events still waits for the GIL before it returns. That wait is not
    idle time (libuv does not count it either). It shows as lateness beyond the timeout while the process uses CPU.
    Lateness without CPU use comes from the machine and counts as idle.
    """

    name = "selector"

    def __init__(self, selector: Any) -> None:
        self._select = selector.select
        self._idle_s = 0.0
        self._waiting: _Waiting | None = None
        self._iterations = 0
        selector.select = self._timed_select

    def _timed_select(self, timeout: float | None = None) -> Any:
        self._iterations += 1
        if timeout is not None and timeout <= 0:
            return self._select(timeout)
        since_s = time.monotonic()
        until_s = math.inf if timeout is None else since_s + timeout + SELECTOR_LATENESS_S
        self._waiting = _Waiting(self._idle_s, since_s, until_s, time.process_time())
        events = self._select(timeout)
        self._idle_s = self._waiting.idle_s()  # before the next line: a reader in between must not see less
        self._waiting = None
        return events

    def read(self) -> Idle:
        """Return the current figures."""
        waiting = self._waiting
        return Idle(self._idle_s if waiting is None else waiting.idle_s(), self._iterations)


class _UvMetrics(ctypes.Structure):
    """`uv_metrics_t` of libuv 1.45 and later."""

    _fields_ = (
        ("loop_count", ctypes.c_uint64),
        ("events", ctypes.c_uint64),
        ("events_waiting", ctypes.c_uint64),
        ("reserved", ctypes.c_void_p * 13),
    )


class LibuvIdle:
    """Idle time of a uvloop loop: libuv's `uv_metrics_idle_time`, which uvloop's extension module exports.

    Create it before the loop runs; do not read it after the loop is closed. A wait for the GIL after the poll does not
    count, because libuv stops its clock first.
    """

    name = "libuv"
    _METRICS_IDLE_TIME = 1  # uv_loop_option
    _WITH_LOOP_COUNT = (1 << 16) | (45 << 8)

    def __init__(self, loop: asyncio.AbstractEventLoop, extension: Any) -> None:
        library = ctypes.PyDLL(extension.__file__)  # PyDLL: these calls are too short to give up the GIL for
        capsule = extension.libuv_get_loop_t_ptr(loop)
        to_pointer = ctypes.pythonapi.PyCapsule_GetPointer
        to_pointer.restype, to_pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        self._loop = ctypes.c_void_p(to_pointer(capsule, None))
        if library.uv_loop_configure(self._loop, ctypes.c_int(self._METRICS_IDLE_TIME)) != 0:
            raise OSError("libuv refused UV_METRICS_IDLE_TIME")
        if library.uv_version() < self._WITH_LOOP_COUNT:
            raise OSError("libuv is older than 1.45 and does not count iterations")
        self._idle_time = library.uv_metrics_idle_time
        self._idle_time.restype, self._idle_time.argtypes = ctypes.c_uint64, (ctypes.c_void_p,)
        self._info = library.uv_metrics_info
        self._metrics = _UvMetrics()
        self._metrics_pointer = ctypes.byref(self._metrics)

    def read(self) -> Idle:
        """Return the current figures."""
        self._info(self._loop, self._metrics_pointer)
        return Idle(self._idle_time(self._loop) / 1e9, self._metrics.loop_count)


def idle_source(loop: asyncio.AbstractEventLoop) -> tuple[SelectorIdle | LibuvIdle | None, str]:
    """Return the exact source for this loop, or None, and the reason if there is none."""
    selector = getattr(loop, "_selector", None)
    if callable(getattr(selector, "select", None)):
        return SelectorIdle(selector), ""
    extension = sys.modules.get("uvloop.loop")
    if extension is None or not isinstance(loop, extension.Loop):
        return None, f"{type(loop).__name__} has neither a selector nor libuv"
    try:
        return LibuvIdle(loop, extension), ""
    except (AttributeError, OSError, ValueError) as problem:
        return None, f"uvloop: {problem}"
