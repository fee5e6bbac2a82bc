"""One run, as its generator recorded it: phases, users, and the same requests counted by three parties."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loopbench.records import probe, samples
from loopbench.records.frames import Frame, Torn, decode
from loopbench.records.session import Counts, Phase, samples_file


@dataclass(frozen=True)
class Recorded:
    """What `run.json` says of the samples."""

    phases: tuple[Phase, ...]
    users_started: int
    counts: Counts


def read_recorded(folder: Path, harness_requests: int) -> Recorded:
    """Go through a finished run's record once.

    The server's count includes what the harness asked (to see whether it is ready, to verify it); that is taken off.
    """
    collected = _Collected()
    for frame in decode((folder / samples_file(0)).read_bytes()):
        collected.take(frame)
    answered = probe.requests_answered(folder)
    return Recorded(
        phases=tuple(collected.phases()),
        users_started=collected.users,
        counts=Counts(
            server=None if answered is None else answered - harness_requests,
            samples=None if collected.torn else collected.samples - collected.unfinished,
            locust=collected.locust,
            unfinished=collected.unfinished,
        ),
    )


class _Collected:
    """Running totals over the frames of one file."""

    def __init__(self) -> None:
        self.samples = 0
        self.unfinished = 0
        self.users = 0
        self.locust: int | None = None
        self.torn = False
        self._marks: list[tuple[str, float]] = []

    def take(self, frame: Frame | Torn) -> None:
        if isinstance(frame, Torn):
            self.torn = True
        elif frame.kind == samples.SAMP:
            self.samples += len(frame.payload) // samples.STRUCT.size
            flags = (row[_FLAGS] for row in samples.STRUCT.iter_unpack(frame.payload))
            self.unfinished += sum(1 for each in flags if each & samples.FLAG_UNFINISHED)
        elif frame.kind == samples.EVNT:
            self._take_events(json.loads(bytes(frame.payload)))
        elif frame.kind == samples.TRLR:
            trailer = samples.Trailer(**json.loads(bytes(frame.payload)))
            self.locust = trailer.locust_requests
            self.torn |= trailer.samples != self.samples

    def _take_events(self, events: list[samples.Event]) -> None:
        self._marks += [(str(value), at) for at, kind, value in events if kind == samples.EVENT_PHASE]
        self.users += sum(1 for _, kind, _ in events if kind == samples.EVENT_USER_STARTED)

    def phases(self) -> Iterator[Phase]:
        """Each phase ends where the next begins."""
        for (name, start), (_, end) in zip(self._marks, self._marks[1:], strict=False):
            yield Phase(name, start, end)


_FLAGS = [name for name, _ in samples.FIELDS].index("flags")
