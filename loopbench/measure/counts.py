"""One run as its generators recorded it: phases, users, and three counts of the same requests."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopbench.measure.target import AnyTarget
from loopbench.records import samples
from loopbench.records.files import open_file
from loopbench.records.frames import Frame, Torn, decode
from loopbench.records.generators import read_generators
from loopbench.records.session import STOPPED, Counts, Phase, samples_file


@dataclass(frozen=True)
class Recorded:
    """What `run.json` holds of the samples."""

    phases: tuple[Phase, ...]
    users_started: int
    counts: Counts


def read_recorded(folder: Path, target: AnyTarget) -> Recorded:
    """Read a finished run's samples once. The phases are those of the first generator, on its clock."""
    generators = read_generators(folder)
    parts = [_collect(folder, index) for index in range(len(generators.workers) if generators else 1)]
    torn, unfinished = any(part.torn for part in parts), sum(part.unfinished for part in parts)
    server = target.requests_counted()
    hung_up = sum(part.hung_up for part in parts)
    samples_taken = None if torn else sum(part.samples for part in parts) - unfinished - hung_up
    return Recorded(
        phases=tuple(parts[0].phases()),
        users_started=sum(part.users for part in parts),
        counts=Counts(
            server=server,
            samples=samples_taken,
            locust=_locust(parts, samples_taken, generators.locust_requests if generators else None),
            unfinished=unfinished,
            server_says=target.server_says and (server is not None or target.ending(unfinished) == STOPPED),
            unanswered=sum(part.unanswered for part in parts),
            hung_up=hung_up,
            redirects=sum(part.redirects for part in parts),
        ),
    )


def _collect(folder: Path, index: int) -> "_Collected":
    collected = _Collected()
    with open_file(folder / samples_file(index)) as file:
        for frame in decode(file):
            collected.take(frame)
    return collected


def _locust(parts: Sequence["_Collected"], samples_taken: int | None, of_master: int | None) -> int | None:
    """Returns Locust's count: the sum over the generators, or the master's if that differs from our samples."""
    each = [part.locust for part in parts if part.locust is not None]
    if len(each) < len(parts):
        return None
    return of_master if of_master is not None and of_master != samples_taken else sum(each)


class _Collected:
    """Running totals over the frames of one file."""

    def __init__(self) -> None:
        self.samples = 0
        self.unfinished = 0
        self.hung_up = 0
        self.unanswered = 0
        self.users = 0
        self.redirects = 0
        self.locust: int | None = None
        self.torn = False
        self._marks: list[tuple[str, float]] = []

    def take(self, frame: Frame | Torn) -> None:
        if isinstance(frame, Torn):
            self.torn = True
        elif frame.kind == samples.SAMP:
            self.samples += len(frame.payload) // samples.STRUCT.size
            for row in samples.STRUCT.iter_unpack(frame.payload):
                unfinished, hung_up = (row[_FLAGS] & flag != 0 for flag in _WITHOUT_ANSWER)
                self.unfinished += unfinished
                self.hung_up += hung_up
                self.unanswered += not (row[_STATUS] or unfinished or hung_up)
        elif frame.kind == samples.EVNT:
            self._take_events(json.loads(frame.payload))
        elif frame.kind == samples.TRLR:
            trailer = samples.Trailer(**json.loads(frame.payload))
            self.locust = trailer.locust_requests
            self.torn |= trailer.samples != self.samples

    def _take_events(self, events: list[samples.Event]) -> None:
        self._marks += [(str(value), at) for at, kind, value in events if kind == samples.EVENT_PHASE]
        self.redirects += sum(int(value) for _, kind, value in events if kind == samples.EVENT_REDIRECTED)
        self.users += sum(1 for _, kind, _ in events if kind == samples.EVENT_USER_STARTED)

    def phases(self) -> Iterator[Phase]:
        """Each phase ends where the next begins."""
        for (name, start), (_, end) in zip(self._marks, self._marks[1:], strict=False):
            yield Phase(name, start, end)


_FLAGS, _STATUS = ([name for name, _ in samples.FIELDS].index(name) for name in ("flags", "status"))
_WITHOUT_ANSWER = (samples.FLAG_UNFINISHED, samples.FLAG_HUNG_UP)
