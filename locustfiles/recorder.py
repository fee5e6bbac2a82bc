"""Every request, raw, into a file: 40 bytes packed when the answer comes, written once a second.

What is in the file survives a kill; what is not is at most a second old, and its loss shows, because the trailer with
the count is missing. `benchmarks/recorder.py` prints what recording costs.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from loopbench.records import FORMAT_VERSION, frames, samples
from loopbench.records.samples import Event, Head, Tables, Trailer

CAPACITY = 200_000
"""Samples held between two writes: two seconds of the fastest generator seen. A full buffer is written at once."""

MAX_NAMES = 1_000
OTHER = "(other)"
"""Stands for every name after the first thousand: a test with a name per user id must not grow for ever."""

Record = Callable[[float, float, int, int, int, int, int, int], None]


class Recorder:
    """Collects samples and events of one generator process and writes them as frames.

    Args:
        path: file to create; it must not exist.
        run: the run's nonce.
        generator: index of this process among the generators.
    """

    def __init__(self, path: Path, run: str, generator: int = 0) -> None:
        self.origin_s = time.perf_counter()
        self.users = 0
        self.warming_up = True
        self.count = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._buffer = bytearray(CAPACITY * samples.STRUCT.size)
        self._used = 0
        self._names = _Table([])
        self._errors = _Table([""])
        self._events: list[Event] = []
        self._users_ever = 0
        head = Head(FORMAT_VERSION, run, generator, self.origin_s, time.time())
        self._write(frames.encode(samples.HEAD, samples.to_json(head)))

    def name_id(self, name: str) -> int:
        """Index of a request name, to be looked up once and kept."""
        return self._names.index(name)

    def error_id(self, error: str) -> int:
        """Index of an error class; never 0, which means a good answer."""
        return self._errors.index(error or OTHER)

    def record(  # noqa: PLR0913  one argument a field: building an object would cost more than packing it
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
        nan: float = float("nan"),
        pack_into: Callable[..., None] = samples.STRUCT.pack_into,
        size: int = samples.STRUCT.size,
    ) -> None:
        """One request. `start_s` is on `time.perf_counter`; the last three are constants bound early, for speed."""
        used = self._used
        pack_into(
            self._buffer,
            used,
            start_s - self.origin_s,
            latency_s,
            late_s,
            nan,
            nan,
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
        """Count a user in; returns the number it keeps."""
        user = self._users_ever
        self._users_ever += 1
        self.users += 1
        self._event(samples.EVENT_USER_STARTED, user)
        return user

    def user_stopped(self, user: int) -> None:
        """Count a user out."""
        self.users -= 1
        self._event(samples.EVENT_USER_STOPPED, user)

    def begin(self, phase: str) -> None:
        """Mark the moment a phase begins."""
        self.warming_up = phase == samples.PHASE_WARMUP
        self._event(samples.EVENT_PHASE, phase)

    def flush(self) -> None:
        """Write what has come since the last time."""
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
        if parts:
            self._write(b"".join(parts))

    def close(self, locust_requests: int) -> None:
        """Write the rest and the trailer: what this recorder and Locust's own statistics have counted."""
        self.begin(samples.PHASE_END)
        self.flush()
        self._write(frames.encode(samples.TRLR, samples.to_json(Trailer(self.count, locust_requests))))
        os.close(self._fd)

    def _event(self, kind: str, value: int | str) -> None:
        self._events.append((time.perf_counter() - self.origin_s, kind, value))

    def _write(self, data: bytes) -> None:
        """All of it: a short write (a full disk) goes on until the system says why."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


class _Table:
    """Texts by index, in the order they came."""

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
