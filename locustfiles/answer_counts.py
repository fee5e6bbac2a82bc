"""Locust's running totals as answers per second. Its own `Requests/s` is a mean of nine seconds, three seconds late."""

from collections.abc import Callable


class AnswerCounts:
    """Answers per second between two looks at Locust's counts.

    Args:
        clock: monotonic, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._before: tuple[float, int, int] | None = None

    def begin(self) -> None:
        """Locust has just set its counts back."""
        self._before = (self._clock(), 0, 0)

    def rates(self, requests: int, failures: int) -> tuple[float | None, float | None]:
        """Good and failed per second; None at the first look, and when Locust has set its counts back."""
        now = (self._clock(), requests, failures)
        before, self._before = self._before, now
        if before is None or requests < before[1] or failures < before[2]:
            return None, None
        length_s = now[0] - before[0]
        failed = failures - before[2]
        return round((requests - before[1] - failed) / length_s, 1), round(failed / length_s, 1)
