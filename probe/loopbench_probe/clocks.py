"""Each second's loop utilization, CPU time of the loop's thread and of the process, and pauses of the collector."""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from loopbench_probe.idle import LibuvIdle, SelectorIdle


class _Readings(NamedTuple):
    wall_s: float
    idle_s: float | None
    loop_cpu_s: float | None
    process_cpu_s: float


class Clocks:
    """Reads the clocks. Create it on the loop's thread; call `take` from another thread."""

    def __init__(self, idle: SelectorIdle | LibuvIdle | None) -> None:
        self._idle = idle
        self._loop_cpu_clock = cpu_clock_of_this_thread()
        self._last = self._read()

    @property
    def has_loop_cpu(self) -> bool:
        """Whether another thread's CPU time can be read here."""
        return self._loop_cpu_clock is not None

    def take(self) -> dict[str, Any]:
        """Return the shares since the last call, and the start and end of that interval."""
        last, now = self._last, self._read()
        self._last = now
        wall_s = max(now.wall_s - last.wall_s, 1e-9)
        idle = _share(last.idle_s, now.idle_s, wall_s)
        return {
            "t0_monotonic_s": last.wall_s,
            "t1_monotonic_s": now.wall_s,
            "utilization": None if idle is None else min(1.0, max(0.0, 1.0 - idle)),
            "loop_cpu_share": _share(last.loop_cpu_s, now.loop_cpu_s, wall_s),
            "process_cpu_share": _share(last.process_cpu_s, now.process_cpu_s, wall_s),
        }

    def _read(self) -> _Readings:
        return _Readings(
            time.monotonic(),
            None if self._idle is None else self._idle.read().idle_s,
            None if self._loop_cpu_clock is None else time.clock_gettime(self._loop_cpu_clock),
            time.process_time(),
        )


class GcPauses:
    """Times every collection. A collection holds the GIL, whichever thread started it, so each one delays the loop."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._pauses_s: list[float] = []
        gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        """Stop observing."""
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def _on_gc(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = time.perf_counter()
        else:
            self._pauses_s.append(time.perf_counter() - self._began_s)

    def take(self) -> dict[str, Any]:
        """Return the figures since the last call."""
        pauses_s, self._pauses_s = self._pauses_s, []
        return {
            "gc_collections": len(pauses_s),
            "gc_pause_s": sum(pauses_s),
            "gc_pause_max_s": max(pauses_s, default=0.0),
        }


def _share(before_s: float | None, after_s: float | None, wall_s: float) -> float | None:
    return None if before_s is None or after_s is None else (after_s - before_s) / wall_s


def cpu_clock_of_this_thread() -> int | None:
    """Return the id of this thread's CPU clock, or None if the system has none."""
    clock_of = getattr(time, "pthread_getcpuclockid", None)  # not on macOS and Windows
    return None if clock_of is None else int(clock_of(threading.get_ident()))
