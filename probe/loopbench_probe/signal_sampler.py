"""Optional: takes looks by a timer signal in the loop's own thread, which needs no other thread to get the GIL.

A watching thread sees C calls of a millisecond less often than the system calls between them, because those release the
GIL. A signal handler runs at the next bytecode, whatever the thread does. The drawbacks: `ITIMER_REAL` interrupts
system calls, which Python repeats but some C libraries do not, and an app that uses SIGALRM cannot be watched this way.
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
    """The sampler. It is armed while the loop works and disarmed while it waits, so that an idle loop is not woken."""

    def __init__(self, seen: Callable[[FrameType | None], Look], interval_s: float) -> None:
        self._seen, self._interval_s = seen, interval_s
        self._looks: deque[Look] = deque()
        self._armed = False

    def install(self) -> str:
        """Install a handler for SIGALRM. Return the reason if that is impossible, or an empty string."""
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
        """Start or stop the timer, so that it runs exactly while the loop works."""
        if working != self._armed:
            self._armed = working
            interval_s = self._interval_s if working else 0.0
            signal.setitimer(signal.ITIMER_REAL, interval_s, interval_s)

    def take(self) -> list[Look]:
        """Return the looks since the last call, in order of time."""
        return [self._looks.popleft() for _ in range(len(self._looks))]
