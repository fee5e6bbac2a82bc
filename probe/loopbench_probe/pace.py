"""How soon to look again: at once where something may be blocking, later where the loop is plainly quick.

Every look takes the GIL from a loop that wants it, which costs more than the look itself. On a loop that ends several
steps between any two looks no interval proves a long step, so looking seldom loses a profile's samples and no proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopbench_probe.ledger import Look

NAP_POLLS = 5
"""Pauses slept through at a time."""
QUICK_LOOKS = 4
"""One after another, before the first nap: a loop that blocks now and then is quick for shorter."""
QUICK_STEPS = 4
"""Answers, or polls for events, in each pause."""


class Pace:
    """Told of every look; keeps the last one."""

    def __init__(self, poll_s: float) -> None:
        self._poll_s = poll_s
        self._last: Look | None = None
        self._quick_looks = 0

    def pause_s(self, look: Look, beat_overdue_s: float) -> float:
        """Seconds to sleep now, given how late the heartbeat is by now (0 or less: it is not due yet)."""
        last, self._last = self._last, look
        self._quick_looks = self._quick_looks + 1 if last is not None and self._quick(last, look) else 0
        napping = self._quick_looks >= QUICK_LOOKS and beat_overdue_s < self._poll_s / 2
        return NAP_POLLS * self._poll_s if napping else self._poll_s

    def _quick(self, last: Look, look: Look) -> bool:
        steps = look.iterations - last.iterations
        if look.answers is not None and last.answers is not None:
            steps = max(steps, look.answers - last.answers)
        pauses = (look.time_s - last.time_s) / self._poll_s
        return look.several_since(last) and steps >= QUICK_STEPS * pauses
