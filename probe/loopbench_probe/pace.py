"""Decides which looks to skip: most of them while the loop answers quickly, none when something may block it.

A look at a loop at full speed is expensive, because the CPU caches are cold. On a loop that answers many times between
two looks no interval proves a long step. Skipping costs samples of the profile and some precision of a block's start.
"""

from __future__ import annotations

MAX_SKIPPED = 7
"""Consecutive looks."""
QUICK_WAKINGS = 4
"""Consecutive quick wakings before the first skip: a loop that blocks now and then is quick for fewer."""
QUICK_ANSWERS = 4
"""Responses completed between two wakings that make a waking quick."""


class Pace:
    """The decision, taken at every waking of the watching thread."""

    def __init__(self) -> None:
        self._quick = 0  # consecutive wakings
        self._answers: int | None = None  # at the last waking
        self._skipped = 0  # since the last look

    def skip(self, answers: int | None) -> bool:
        """Return whether to skip this look. `answers` is the number of responses so far; None (unknown): never skip."""
        last, self._answers = self._answers, answers
        quick = last is not None and answers is not None and answers - last >= QUICK_ANSWERS
        self._quick = self._quick + 1 if quick else 0
        if self._quick <= QUICK_WAKINGS or self._skipped == MAX_SKIPPED:
            self._skipped = 0
            return False
        self._skipped += 1
        return True
