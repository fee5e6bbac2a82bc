"""Reads a samples file while it grows, for the display of progress only."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loopbench.records import samples
from loopbench.records.codec import parse_json
from loopbench.records.files import open_file
from loopbench.records.frames import HEADER, Frame, decode

RPS_OVER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class LiveView:
    """A summary of what has been written so far."""

    samples: int = 0
    failures: int = 0  # among the newest frame's samples
    users: int = 0
    phase: str = ""
    newest_s: float = 0.0  # start of the newest sample, seconds after the origin
    rps: float = 0.0  # answers per second over the last RPS_OVER_S
    closed: bool = False  # the trailer has been written


class RecentAnswers:
    """The recent rate of answers. One frame alone is too short, because users that wait together return in bursts."""

    def __init__(self) -> None:
        self._ends_s: deque[float] = deque()
        self._first_s: float | None = None

    def add(self, ends_s: Iterable[float]) -> None:
        """Add the ends of more answers, roughly in order."""
        self._ends_s.extend(ends_s)
        if self._ends_s:
            self._first_s = self._ends_s[0] if self._first_s is None else self._first_s
            oldest_s = self._ends_s[-1] - RPS_OVER_S
            while self._ends_s[0] <= oldest_s:
                self._ends_s.popleft()

    @property
    def rps(self) -> float:
        """Answers per second over the last RPS_OVER_S, or since the first answer if shorter; 0 for one answer."""
        if self._first_s is None:
            return 0.0
        since_first_s = self._ends_s[-1] - self._first_s
        if since_first_s >= RPS_OVER_S:
            return len(self._ends_s) / RPS_OVER_S
        return (len(self._ends_s) - 1) / since_first_s if since_first_s > 0 else 0.0


class SampleTail:
    """Follows one samples file; each `read` continues where the last one stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._view = LiveView()
        self._recent = RecentAnswers()

    def read(self) -> LiveView:
        """Return the newest view; the same one if no whole frame was added."""
        try:
            with open_file(self._path) as file:
                file.seek(self._offset)
                for frame in decode(file):
                    if isinstance(frame, Frame):
                        self._take(frame)
                        self._offset += HEADER.size + len(frame.payload)
        except FileNotFoundError:
            pass
        return self._view

    def _take(self, frame: Frame) -> None:
        view = self._view
        if frame.kind == samples.SAMP:
            self._view = _with_samples(view, frame.payload, self._recent)
        elif frame.kind == samples.EVNT:
            self._view = _with_events(view, parse_json(frame.payload))
        elif frame.kind == samples.TRLR:
            self._view = replace(view, closed=True)


class SampleTails:
    """Follows the files of several generators as one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._tails = [SampleTail(path) for path in paths]

    def read(self) -> LiveView:
        """Return the sum of the newest views; it is closed when every file is."""
        views = [tail.read() for tail in self._tails]
        return LiveView(
            samples=sum(view.samples for view in views),
            failures=sum(view.failures for view in views),
            users=sum(view.users for view in views),
            phase=views[0].phase,
            newest_s=views[0].newest_s,  # each file has its own clock
            rps=sum(view.rps for view in views),
            closed=all(view.closed for view in views),
        )


def _with_samples(view: LiveView, payload: bytes, recent: RecentAnswers) -> LiveView:
    rows = list(samples.STRUCT.iter_unpack(payload))
    recent.add(row[_START] + row[_LATENCY] for row in rows)
    failures = sum(1 for row in rows if row[_ERROR] != samples.NO_ERROR)
    users, newest_s = rows[-1][_USERS], rows[-1][_START]
    samples_seen = view.samples + len(rows)
    return replace(view, samples=samples_seen, failures=failures, users=users, newest_s=newest_s, rps=recent.rps)


def _with_events(view: LiveView, events: list[samples.Event]) -> LiveView:
    phases = [value for _, kind, value in events if kind == samples.EVENT_PHASE]
    return replace(view, phase=str(phases[-1])) if phases else view


_NAMES = [name for name, _ in samples.FIELDS]
_START, _LATENCY = _NAMES.index("start_s"), _NAMES.index("latency_s")
_ERROR, _USERS = _NAMES.index("error"), _NAMES.index("users")
