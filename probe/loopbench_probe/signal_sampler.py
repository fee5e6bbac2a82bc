"""An option: looks taken by a timer signal inside the loop's thread, not by another thread that has to get the GIL.

A watching thread sees C calls of a millisecond less often than the system calls between them, which hand it the GIL.
A signal handler runs at the next bytecode whatever the thread did. The price: `ITIMER_REAL` interrupts system calls,
which Python repeats and some C libraries do not; and an app with alarms of its own cannot be watched this way.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from loopbench_probe.ledger import Look


class SignalSampler:
    """Armed while the loop works, disarmed while it waits, so that an idle loop sleeps undisturbed."""

    def __init__(self, seen: Callable[[FrameType | None], Look], interval_s: float) -> None:
        self._seen, self._interval_s = seen, interval_s
        self._looks: deque[Look] = deque()
        self._armed = False

    def install(self) -> str:
        """Take SIGALRM; the reason why that cannot be, or an empty string."""
        if not hasattr(signal, "setitimer"):
            return "this system has no interval timers"
        if threading.current_thread() is not threading.main_thread():
            return "signals reach the main thread only, and the loop is in another"
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
            return "the app uses SIGALRM itself"
        signal.signal(signal.SIGALRM, self._on_alarm)
        return ""

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        self._looks.append(self._seen(frame))

    def arm(self, *, working: bool) -> None:
        """Have the timer run exactly while the loop works."""
        if working != self._armed:
            self._armed = working
            interval_s = self._interval_s if working else 0.0
            signal.setitimer(signal.ITIMER_REAL, interval_s, interval_s)

    def take(self) -> list[Look]:
        """The looks since the last call, in order of time."""
        return [self._looks.popleft() for _ in range(len(self._looks))]
