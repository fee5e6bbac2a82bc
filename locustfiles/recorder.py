"""Records every request as 40 packed bytes and writes them to a sink as frames, once a second.

Data that the sink has written survives a kill. Lost data is at most one second old, and the loss is visible because the
trailer with the count is missing. `benchmarks/recorder.py` prints the cost of recording.
"""

import json
import math
import time
from collections.abc import Callable, Iterable

from loopbench.locustfiles.sinks import Sink
from loopbench.records import FORMAT_VERSION, clocks, frames, samples
from loopbench.records.generator_watch import WatchedSecond, encode_seconds
from loopbench.records.samples import Event, Head, Tables, Trailer

CAPACITY = 200_000
"""Samples buffered between two writes: two seconds of the fastest generator seen. A full buffer is written at once."""

MAX_NAMES = 1_000
OTHER = "(other)"
"""Replaces every name after the first thousand, so that a test with a name per user id does not grow for ever."""


class Recorder:
    """Collects samples and events of one generator process and writes them as frames.

    Args:
        sink: receives the frames.
        run: the run's nonce.
        generator: index of this process among the generators.
    """

    def __init__(self, sink: Sink, run: str, generator: int = 0) -> None:
        self.origin_s = time.perf_counter()
        self.users = 0
        self.warming_up = True
        self.count = 0
        self._sink = sink
        self._buffer = bytearray(CAPACITY * samples.STRUCT.size)
        self._used = 0
        self._names = _Table([])
        self.name_id = self._names.index
        """Returns the index of a request name."""
        self._errors = _Table([""])
        self._events: list[Event] = []
        self._watched: list[WatchedSecond] = []
        self._users_ever = 0
        head = Head(FORMAT_VERSION, run, generator, self.origin_s, time.time(), clocks.this_clock())
        sink.write(frames.encode(samples.HEAD, samples.to_json(head)))

    def error_id(self, error: str) -> int:
        """Return the index of an error class; never 0, which means a good answer."""
        return self._errors.index(error or OTHER)

    def record(  # noqa: PLR0913  one argument per field: building an object would cost more than packing it
        self,
        start_s: float,
        latency_s: float,
        size_bytes: int,
        user: int,
        name: int,
        status: int,
        error: int,
        flags: int,
        late_s: float = 0.0,
        before_app_s: float = math.nan,
        in_app_s: float = math.nan,
        pack_into: Callable[..., None] = samples.STRUCT.pack_into,
        size: int = samples.STRUCT.size,
    ) -> None:
        """Record one request. `start_s` is on `time.perf_counter`; the last two are constants, bound for speed."""
        used = self._used
        pack_into(
            self._buffer,
            used,
            start_s - self.origin_s,
            latency_s,
            late_s,
            before_app_s,
            in_app_s,
            size_bytes,
            self.users,
            user,
            name,
            status,
            error,
            flags,
        )
        self._used = used = used + size
        if used == len(self._buffer):
            self.flush()

    def user_started(self) -> int:
        """Note that a user started and return its number."""
        user = self._users_ever
        self._users_ever += 1
        self.users += 1
        self._event(samples.EVENT_USER_STARTED, user)
        return user

    def user_stopped(self, user: int) -> None:
        """Note that a user stopped."""
        self.users -= 1
        self._event(samples.EVENT_USER_STOPPED, user)

    def begin(self, phase: str) -> None:
        """Mark the beginning of a phase."""
        self.warming_up = phase == samples.PHASE_WARMUP
        self._event(samples.EVENT_PHASE, phase)

    def user_failed(self, error: str) -> None:
        """Note an exception in a user's own code."""
        self._event(samples.EVENT_USER_ERROR, error)

    def redirected(self, redirects: int) -> None:
        """Note that these redirects were followed, each by a further request."""
        self._event(samples.EVENT_REDIRECTED, redirects)

    def load_ended(self, due: int, unsent_s: Iterable[tuple[float, int]]) -> None:
        """Mark the end of an open load.

        Args:
            due: number of requests that were due.
            unsent_s: (due time, count) of the requests that were never sent.
        """
        self._event(samples.EVENT_LOAD_ENDED, due)
        self._events += [(at_s - self.origin_s, samples.EVENT_DUE_UNSENT, count) for at_s, count in unsent_s]

    def watched(self, second: WatchedSecond) -> None:
        """Add a second of the generator's self-watch."""
        self._watched.append(second)

    def flush(self) -> None:
        """Write what was recorded since the last call."""
        parts = []
        if self._names.grew or self._errors.grew:
            tables = Tables(self._names.entries, self._errors.entries)
            parts.append(frames.encode(samples.NAME, samples.to_json(tables)))
            self._names.grew = self._errors.grew = False
        if self._used:
            payload = memoryview(self._buffer)[: self._used]
            parts.append(frames.encode(samples.SAMP, payload))
            self.count += self._used // samples.STRUCT.size
            self._used = 0
        if self._events:
            parts.append(frames.encode(samples.EVNT, json.dumps(self._events, separators=(",", ":")).encode()))
            self._events = []
        if self._watched:
            parts.append(frames.encode(samples.WTCH, encode_seconds(self._watched)))
            self._watched = []
        if parts:
            self._sink.write(b"".join(parts))

    def close(self, locust_requests: int) -> None:
        """Write the rest and the trailer with two counts: this recorder's and that of Locust's statistics."""
        self.begin(samples.PHASE_END)
        self.flush()
        self._sink.write(frames.encode(samples.TRLR, samples.to_json(Trailer(self.count, locust_requests))))
        self._sink.close()

    def _event(self, kind: str, value: int | str) -> None:
        self._events.append((time.perf_counter() - self.origin_s, kind, value))


class _Table:
    """Texts by index, in order of first use."""

    def __init__(self, entries: list[str]) -> None:
        self.entries = entries
        self.grew = True
        self._indices = {entry: index for index, entry in enumerate(entries)}

    def index(self, entry: str) -> int:
        known = self._indices.get(entry)
        if known is not None:
            return known
        if len(self.entries) >= MAX_NAMES and entry != OTHER:
            return self.index(OTHER)
        self._indices[entry] = len(self.entries)
        self.entries.append(entry)
        self.grew = True
        return self._indices[entry]
