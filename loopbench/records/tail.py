"""Reading a samples file while it grows: for progress, not for judging."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopbench.records import samples
from loopbench.records.frames import HEADER, Frame, decode


@dataclass(frozen=True, slots=True)
class LiveView:
    """What has been written so far."""

    samples: int = 0
    failures: int = 0  # among the newest frame's samples
    users: int = 0
    phase: str = ""
    newest_s: float = 0.0  # start of the newest sample, seconds after the origin
    rps: float = 0.0  # over the newest frame
    closed: bool = False  # the trailer is there


class SampleTail:
    """Follows one samples file; each `read` takes what has come since the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._view = LiveView()

    def read(self) -> LiveView:
        """The newest view; the same one again when nothing whole has come."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return self._view
        for frame in decode(data):
            if isinstance(frame, Frame):
                self._take(frame)
                self._offset += HEADER.size + len(frame.payload)
        return self._view

    def _take(self, frame: Frame) -> None:
        view = self._view
        if frame.kind == samples.SAMP:
            self._view = _with_samples(view, frame.payload)
        elif frame.kind == samples.EVNT:
            self._view = _with_events(view, json.loads(bytes(frame.payload)))
        elif frame.kind == samples.TRLR:
            self._view = LiveView(view.samples, view.failures, view.users, view.phase, view.newest_s, view.rps, True)


class SampleTails:
    """Follows the files of several generators as if they were one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._tails = [SampleTail(path) for path in paths]

    def read(self) -> LiveView:
        """The sum of the newest views; closed when every file is."""
        views = [tail.read() for tail in self._tails]
        return LiveView(
            samples=sum(view.samples for view in views),
            failures=sum(view.failures for view in views),
            users=sum(view.users for view in views),
            phase=views[0].phase,
            newest_s=views[0].newest_s,  # each file's times are on its own clock
            rps=sum(view.rps for view in views),
            closed=all(view.closed for view in views),
        )


def _with_samples(view: LiveView, payload: memoryview) -> LiveView:
    count = len(payload) // samples.STRUCT.size
    rows = list(samples.STRUCT.iter_unpack(payload))
    first, last = rows[0], rows[-1]
    span_s = (last[0] + last[1]) - (first[0] + first[1])
    failures = sum(1 for row in rows if row[_ERROR] != samples.NO_ERROR)
    rps = (count - 1) / span_s if span_s > 0 else view.rps
    return LiveView(view.samples + count, failures, last[_USERS], view.phase, last[0], rps)


def _with_events(view: LiveView, events: list[samples.Event]) -> LiveView:
    phases = [value for _, kind, value in events if kind == samples.EVENT_PHASE]
    phase = str(phases[-1]) if phases else view.phase
    return LiveView(view.samples, view.failures, view.users, phase, view.newest_s, view.rps)


_NAMES = [name for name, _ in samples.FIELDS]
_ERROR, _USERS = _NAMES.index("error"), _NAMES.index("users")
