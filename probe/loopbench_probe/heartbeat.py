"""A regular tick on the loop. Its lateness is the delay that every callback sees. Every second tick reads the pools.

Some ticks also sample the suspended tasks (`waits.py`).

Reading the pools takes about as long as the rest of a tick, and only means and maxima over a second are reported.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio

    from loopbench_probe.pools import Pools
    from loopbench_probe.waits import TaskWaits


BEATS_A_READING = 2  # ticks per reading of the pools: fifty readings a second at the default tick


class Beats(NamedTuple):
    """What the ticks of one second measured."""

    lags_s: list[float]
    pools: list[tuple[int | None, ...]]


class Heartbeat:
    """Ticks on the loop until it is stopped. `take` may be called from another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, tick_s: float, pools: Pools, tasks: TaskWaits) -> None:
        self._loop, self._tick_s, self._pools, self._tasks = loop, tick_s, pools, tasks
        self._due_s = 0.0
        self._beats = Beats([], [])
        self._stopped = False
        self.count = 0

    def start(self) -> None:
        """Schedule the first tick. Call it on the loop."""
        self._due_s = time.monotonic() + self._tick_s
        self._loop.call_later(self._tick_s, self._beat)

    def stop(self) -> None:
        """Schedule no further tick after the next one."""
        self._stopped = True

    def _beat(self) -> None:
        if self._stopped:
            return
        now_s = time.monotonic()
        beats = self._beats
        beats.lags_s.append(now_s - self._due_s)
        if self.count % BEATS_A_READING == 0:
            beats.pools.append(self._pools.read())
        self._tasks.sample(now_s)
        self.count += 1
        self._due_s = now_s + self._tick_s
        self._loop.call_later(self._tick_s, self._beat)

    def take(self) -> dict[str, Any]:
        """Return the figures since the last call. A tick that is overdue now counts with its lateness so far."""
        beats, self._beats = self._beats, Beats([], [])
        overdue_s = time.monotonic() - self._due_s
        lags_s = sorted([*beats.lags_s, overdue_s] if overdue_s > 0 else beats.lags_s)
        return {
            "heartbeats": len(beats.lags_s),
            "lag_max_s": lags_s[-1] if lags_s else None,
            "lag_p99_s": lags_s[(99 * (len(lags_s) - 1)) // 100] if lags_s else None,
            **self._pools.figures(beats.pools),
        }
