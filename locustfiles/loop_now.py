"""What the loops of the running target do now, from the newest seconds of its probe: figures, and lines of code.

Arithmetic alone: who reads the files is `probe_tail`, who asks is `live_figures`.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any, Final

from locustfiles.probe_tail import LoopSecond, Place

FRESH_TICKS: Final = 2
"""So long a loop's newest second stands for now: the probe's seconds and ours do not begin together."""

LINES_OVER_S: Final = 10.0
MAX_LINES: Final = 5
MIN_SHARE: Final = 0.01


class LoopNow:
    """The newest second of each of the target's processes, and the lines of the last ten."""

    def __init__(self) -> None:
        self._newest: dict[int, tuple[int, LoopSecond]] = {}
        self._recent: deque[LoopSecond] = deque()
        self._tick = 0

    def take(self, seconds: Iterable[LoopSecond]) -> None:
        """What has come in this tick."""
        self._tick += 1
        for second in seconds:
            self._newest[second.pid] = (self._tick, second)
            self._recent.append(second)
        processes = max(1, len(self._newest))
        while sum(second.length_s for second in self._recent) > LINES_OVER_S * processes:
            self._recent.popleft()
        if not self._fresh:
            self._recent.clear()

    @property
    def _fresh(self) -> list[LoopSecond]:
        return [second for tick, second in self._newest.values() if self._tick - tick < FRESH_TICKS]

    def figures(self) -> tuple[float | None, ...]:
        """The last seven of a row."""
        fresh = self._fresh
        # A long step's last part may be told a moment late: never more than all of the time.
        blocked = [min(1.0, second.blocked_s / second.length_s) for second in fresh]
        return (
            max(_known(second.utilization for second in fresh), default=None),
            _sum(second.anyio_borrowed for second in fresh),
            _sum(second.anyio_total for second in fresh),
            _sum(second.anyio_waiting for second in fresh),
            _sum(second.executor_queue for second in fresh),
            _sum(second.executor_threads for second in fresh),
            max(blocked, default=None),
        )

    def lines(self) -> list[dict[str, Any]]:
        """Where the loops' time of the last ten seconds went, the longest first, as shares of that time."""
        looked_s = sum(second.length_s for second in self._recent)
        held_s: defaultdict[Place, float] = defaultdict(float)
        blocked_s: defaultdict[Place, float] = defaultdict(float)
        for place, blocking_s, busy_s in (line for second in self._recent for line in second.lines):
            held_s[place] += blocking_s + busy_s
            blocked_s[place] += blocking_s
        longest = sorted(held_s.items(), key=lambda held: held[1], reverse=True)[:MAX_LINES]
        return [
            {
                "line": place.text,
                "function": place.function,
                "own": place.own,
                "share": round(share, 3),
                "blocked": round(blocked_s[place] / looked_s, 3),
            }
            for place, each_s in longest
            if (share := each_s / looked_s) >= MIN_SHARE
        ]


def _known(figures: Iterable[float | None]) -> list[float]:
    return [figure for figure in figures if figure is not None]


def _sum(figures: Iterable[float | None]) -> float | None:
    """None if any part is missing."""
    every = list(figures)
    known = _known(every)
    return sum(known) if known and len(known) == len(every) else None
