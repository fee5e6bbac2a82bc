"""Fills Locust's own statistics in bulk, at a fraction of the cost of `events.request` and with the same result.

Locust logs every request twice (its row and the total). Here a request is one number appended to a list. The list is
added to both rows when the second ends, or as soon as anything reads `stats.total` or `stats.entries`. All of Locust
(web UI, CSV, final table, worker reports, reset) reads through these two, so it never misses a request: counts,
per-second counts, buckets, minimum and maximum are equal, and sums up to the order of addition.

It is used only if Locust's own listener is the only one of `events.request` (`TalliedStats.direct`).
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, cast

import locust.stats
from locust.env import Environment
from locust.event import EventHook
from locust.stats import RequestStats, StatsEntry

_clock = time.perf_counter
_LOCUSTS_BUCKETING = locust.stats.bucket_response_time
_LOCUSTS_LISTENER = ("locust.runners", "Runner.__init__.<locals>.on_request")


class Row:
    """Requests of one method and name that are not yet in Locust's statistics."""

    __slots__ = ("content_bytes", "last_s", "latencies_ms", "method", "name")

    def __init__(self, method: str, name: str) -> None:
        self.method = method
        self.name = name
        self.latencies_ms: list[float] = []
        self.content_bytes = 0
        self.last_s = 0.0


class _Rows(dict[tuple[str, str], Row]):
    """The row of each method and name, made when it is first asked for."""

    public: Callable[[str], str] = staticmethod(str)

    def __missing__(self, key: tuple[str, str]) -> Row:
        method, name = key
        row = self[key] = Row(method, self.public(name))
        return row


class Observer(Protocol):
    """Receives requests one by one."""

    def good(  # noqa: PLR0913  the facts of one request
        self, user: Any, name: str, start_s: float, latency_s: float, size_bytes: int, status: int, /
    ) -> None:
        """Take a request with a good answer; the start is on the monotonic clock."""

    def cut(self, user: Any, name: str, start_s: float, /) -> None:
        """Take a request without an answer: its user was killed."""


class TalliedStats(RequestStats):
    """Locust's statistics, with pending rows that are added before any read. Created by `adopt`, never constructed."""

    def begin(self, event: EventHook) -> None:
        """Initialise the added attributes, in place of a constructor."""
        self.event = event
        self.rows = _Rows()  # all that were ever used, as Locust keeps its own
        self.pending: list[Row] = []  # the rows that are not empty
        self.redirects = 0  # followed by all users of the test
        self.second = 0  # the wall-clock second of all pending requests
        self.ends_s = 0.0  # when that second ends, on the monotonic clock
        self._listeners: list[Any] = event._handlers  # noqa: SLF001  only ever changed in place
        self._seen: list[Any] = []
        self._direct = False
        self.observer: Observer | None = None
        self._represented: Any = None

    @property
    def direct(self) -> bool:
        """Whether Locust is the only listener to requests, so that bulk and single events make no difference."""
        if self._listeners != self._seen:
            self._seen = self._listeners.copy()
            others = [each for each in self._seen if each != self._represented]
            origins = [(getattr(h, "__module__", ""), getattr(h, "__qualname__", "")) for h in others]
            self._direct = origins == [_LOCUSTS_LISTENER]
        return self._direct

    def observe(self, listener: Callable[..., None], observer: Observer, public: Callable[[str], str]) -> None:
        """Let an observer stand for a listener: it is called after each good request, instead of firing the event.

        Args:
            listener: listens to the event, which is fired for failed requests.
            observer: receives good requests, and those that are cut off by the end of their user.
            public: returns the name under which a request is counted.
        """
        self.observer, self._represented, self.rows.public, self._seen = observer, listener, public, []

    @property
    def total(self) -> StatsEntry:
        """The row "Aggregated", with all pending requests."""
        self.settle()
        return cast("StatsEntry", self.__dict__["total"])

    @total.setter
    def total(self, entry: StatsEntry) -> None:
        self.settle()
        self.__dict__["total"] = entry

    @property
    def entries(self) -> dict[tuple[str, str], StatsEntry]:
        """A row for every name and method, with all pending requests."""
        self.settle()
        return cast("dict[tuple[str, str], StatsEntry]", self.__dict__["entries"])

    @entries.setter
    def entries(self, entries: dict[tuple[str, str], StatsEntry]) -> None:
        self.settle()
        self.__dict__["entries"] = entries

    def tally(  # noqa: PLR0913  the facts of one request
        self,
        user: Any,
        row: Row,
        end_s: float,
        latency_s: float,
        size_bytes: int,
        status: int,
        error: Exception | None = None,
    ) -> bool:
        """Count one request that ended at `end_s` on the monotonic clock; False: fire an event for it instead."""
        if not self.direct or (error is not None and self.observer is not None):
            return False
        if end_s >= self.ends_s:
            self.settle()
            self._begin_second()
        if not row.latencies_ms:
            self.pending.append(row)
        row.latencies_ms.append(latency_s * 1000)
        row.content_bytes += size_bytes
        row.last_s = end_s
        if error is not None:
            self.log_error(row.method, row.name, error)
        elif self.observer is not None:
            self.observer.good(user, row.name, end_s - latency_s, latency_s, size_bytes, status)
        return True

    def settle(self) -> None:
        """Add all pending requests to Locust's statistics."""
        for row in self.pending:
            counts = Counter(map(_bucketing(row.latencies_ms), row.latencies_ms))
            _add(self.__dict__["total"], row, counts, self)
            _add(self.__dict__["entries"][row.name, row.method], row, counts, self)
            row.latencies_ms.clear()
            row.content_bytes = 0
        self.pending.clear()

    def _begin_second(self) -> None:
        now_unix_s = time.time()
        self.second = int(now_unix_s)
        self.ends_s = _clock() + self.second + 1 - now_unix_s

    def unix_s(self, monotonic_s: float) -> float:
        """Return the wall-clock time of a moment in the pending second."""
        return self.second + 1 - (self.ends_s - monotonic_s)


def adopt(environment: Environment) -> TalliedStats:
    """Turn the environment's statistics into `TalliedStats`, in place because others already refer to the object."""
    stats = environment.stats
    if not isinstance(stats, TalliedStats):
        stats.__class__ = TalliedStats
        tallied = cast("TalliedStats", stats)
        tallied.begin(environment.events.request)
    return cast("TalliedStats", stats)


def _bucketing(latencies_ms: list[float]) -> Callable[[float], int]:
    """Return Locust's rounding, which a user may have replaced; under 100 ms it is `round`, at a third of the cost."""
    current: Callable[[float], int] = locust.stats.bucket_response_time
    return round if current is _LOCUSTS_BUCKETING and max(latencies_ms) < 100 else current


def _add(entry: StatsEntry, row: Row, counts: Counter[int], stats: TalliedStats) -> None:
    """Update an entry as one call of `StatsEntry.log` per request would."""
    latencies: list[Any] = row.latencies_ms  # Locust declares its sums and limits as int but stores floats
    if entry.use_response_times_cache and entry.last_request_timestamp:  # noqa: SIM102  Locust's two conditions
        if stats.second > int(entry.last_request_timestamp):
            entry._cache_response_times(stats.second - 1)  # noqa: SLF001  as Locust does at the first log of a second
    entry.num_requests += len(latencies)
    entry.num_reqs_per_sec[stats.second] += len(latencies)
    entry.last_request_timestamp = max(entry.last_request_timestamp or 0.0, stats.unix_s(row.last_s))
    entry.total_response_time += sum(latencies)
    low, high = min(latencies), max(latencies)
    entry.min_response_time = low if entry.min_response_time is None else min(entry.min_response_time, low)
    entry.max_response_time = max(entry.max_response_time, high)
    for bucket, count in counts.items():
        entry.response_times[bucket] += count
    entry.total_content_length += row.content_bytes
