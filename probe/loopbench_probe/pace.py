"""Which looks to skip: most of them while the loop plainly goes on answering, none where something may be blocking.

A look at a loop at full speed is dear, because it finds everything cold. On a loop that answers many times between two
looks no interval proves a long step, so skipping looks costs a profile's samples, and some of the sharpness with which
the beginning of a block is seen.
"""

from __future__ import annotations

MAX_SKIPPED = 7
"""One after another."""
QUICK_WAKINGS = 4
"""One after another, before the first is skipped: a loop that blocks now and then is quick for shorter."""
QUICK_ANSWERS = 4
"""In each pause between two wakings."""


class Pace:
    """Asked at every waking of the watching thread."""

    def __init__(self) -> None:
        self._quick = 0  # wakings, one after another
        self._answers: int | None = None  # at the last waking
        self._skipped = 0  # since the last look

    def skip(self, answers: int | None) -> bool:
        """Whether not to look this time, with so many answers given by now (None: nobody counts, so always look)."""
        last, self._answers = self._answers, answers
        quick = last is not None and answers is not None and answers - last >= QUICK_ANSWERS
        self._quick = self._quick + 1 if quick else 0
        if self._quick <= QUICK_WAKINGS or self._skipped == MAX_SKIPPED:
            self._skipped = 0
            return False
        self._skipped += 1
        return True
