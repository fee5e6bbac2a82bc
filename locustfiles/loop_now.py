"""Computes what happens now: answers per second, and what the target's event loops do in the probe's newest seconds."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from loopbench.records.probe_tail import LoopSecond, Place

FRESH_TICKS: Final = 2
"""A loop's newest second counts as current for so many ticks, because the probe's seconds and ours do not align."""

LINES_OVER_S: Final = 10.0
MAX_LINES: Final = 5
MIN_SHARE: Final = 0.01


class LoopNow:
    """The newest second of each of the target's processes, and the lines of the last ten seconds."""

    def __init__(self) -> None:
        self._newest: dict[int, tuple[int, LoopSecond]] = {}
        self._recent: deque[LoopSecond] = deque()
        self._tick = 0

    def take(self, seconds: Iterable[LoopSecond]) -> None:
        """Add the seconds that arrived in this tick."""
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
        """Return the last seven columns of a row."""
        fresh = self._fresh
        # The last part of a long step may be reported one second late, so the share could exceed 1.
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
        """Return the lines that held the loops in the last ten seconds, as shares of that time, the longest first."""
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


class AnswerCounts:
    """Answers per second between two readings of Locust's totals: its own `Requests/s` is a mean, 3 s late.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._before: tuple[float, int, int] | None = None

    def begin(self) -> None:
        """Start from zero, because Locust has just reset its counts."""
        self._before = (self._clock(), 0, 0)

    def rates(self, requests: int, failures: int) -> tuple[float | None, float | None]:
        """Return good and failed answers per second; None at the first reading and after Locust reset its counts."""
        now = (self._clock(), requests, failures)
        before, self._before = self._before, now
        if before is None or requests < before[1] or failures < before[2]:
            return None, None
        length_s = now[0] - before[0]
        failed = failures - before[2]
        return round((requests - before[1] - failed) / length_s, 1), round(failed / length_s, 1)


def _known(figures: Iterable[float | None]) -> list[float]:
    return [figure for figure in figures if figure is not None]


def _sum(figures: Iterable[float | None]) -> float | None:
    """Return the sum, or None if any part is missing."""
    every = list(figures)
    known = _known(every)
    return sum(known) if known and len(known) == len(every) else None
