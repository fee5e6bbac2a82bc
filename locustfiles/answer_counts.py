"""Turns Locust's totals into answers per second. Locust's `Requests/s` is a nine-second mean, three seconds late."""

from collections.abc import Callable


class AnswerCounts:
    """Answers per second between two readings of Locust's counts.

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
