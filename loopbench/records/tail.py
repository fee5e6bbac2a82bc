"""Reads a samples file while it grows, for the display of progress only."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import variance
from typing import Final

from loopbench.records import samples
from loopbench.records.codec import parse_json
from loopbench.records.files import open_file
from loopbench.records.frames import HEADER, Frame, decode
from loopbench.records.probe_tail import LoopSecond, ProbeTail
from loopbench.records.session import MAX_RUN_S

RPS_OVER_S: Final = 5.0
MIN_SECONDS: Final = 6
"""Whole seconds of a hold from which the rate has an interval."""
NEIGHBOUR_ANSWERS: Final = 1000  # the newest ones, of which the p99 is shown
MIN_NEIGHBOUR_ANSWERS: Final = 100
PROBE_EVERY_S: Final = 1.0


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
    # of the rate over the hold so far: half of its 95 % interval, as a share; None: too short, or not a hold
    rps_half_width: float | None = None
    neighbour_p99_ms: float | None = None  # of its newest answers; None: no neighbour, or too few
    blocked: float | None = None  # share of the newest second in which the most blocked loop was; None: not observed


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


class SecondCounts:
    """Good answers in each second of a hold, and how precisely they show the rate."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, ends_s: Iterable[float]) -> None:
        """Add the ends of more answers."""
        self._counts.update(map(math.floor, ends_s))

    def clear(self) -> None:
        """Begin again."""
        self._counts.clear()

    @property
    def whole(self) -> Sequence[int]:
        """The counts of the seconds between the first and the last, which are cut."""
        first, last = min(self._counts, default=0), max(self._counts, default=0)
        return [self._counts[second] for second in range(first + 1, last)]


def half_width(each: Iterable[Sequence[int]]) -> float | None:
    """Half of the 95 % interval of the sum of the rates of several generators, as a share of it.

    The quantile of t is the beginning of its expansion (Abramowitz and Stegun 26.7.5), 1 % too small at 5 degrees of
    freedom. Seconds count as independent of each other, so it is for the display only.
    """
    counts = list(each)
    total = sum(math.fsum(one) / len(one) for one in counts if one)
    if not counts or min(map(len, counts)) < MIN_SECONDS or not total:
        return None
    error = math.sqrt(sum(variance(one) / len(one) for one in counts))
    freedom = min(map(len, counts)) - 1
    return (1.96 + 2.37 / freedom + 2.82 / freedom**2) * error / total


class SampleTail:
    """Follows one samples file; each `read` continues where the last one stopped.

    Args:
        path: the file.
        neighbour: the request whose answers are kept in `neighbour_ms`; empty: none.
    """

    def __init__(self, path: Path, neighbour: str = "") -> None:
        self._path, self._neighbour = path, neighbour
        self._place: int | None = None  # of the neighbour in the names
        self.neighbour_ms: deque[float] = deque(maxlen=NEIGHBOUR_ANSWERS)
        self.hold = SecondCounts()
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
            rows = list(samples.STRUCT.iter_unpack(frame.payload))
            if not all(abs(row[_START]) + abs(row[_LATENCY]) <= MAX_RUN_S for row in rows):  # NaN is not either
                raise ValueError("a time is no number of seconds in a run")
            self._view = _with_samples(view, rows, self._recent)
            self._take_good([row for row in rows if row[_ERROR] == samples.NO_ERROR])
        elif frame.kind == samples.NAME and self._neighbour:
            names = parse_json(frame.payload)["names"]
            self._place = names.index(self._neighbour) if self._neighbour in names else None
        elif frame.kind == samples.EVNT:
            self._view = _with_events(view, parse_json(frame.payload))
            if self._view.phase != view.phase:
                self.hold.clear()
        elif frame.kind == samples.TRLR:
            self._view = replace(view, closed=True)

    def _take_good(self, rows: Sequence[tuple[float, ...]]) -> None:
        if self._view.phase == samples.PHASE_HOLD:
            self.hold.add(row[_START] + row[_LATENCY] for row in rows)
        self.neighbour_ms.extend(1000 * row[_LATENCY] for row in rows if row[_NAME] == self._place)


class BlockedNow:
    """The share of the newest second in which the most blocked loop of a target was blocked."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._tail, self._clock = ProbeTail(folder), clock
        self._newest: dict[int, LoopSecond] = {}
        self._read_s = clock()

    def read(self) -> float | None:
        """Return the share; None before the probe's first second. The files are read once a second."""
        if self._clock() - self._read_s >= PROBE_EVERY_S:
            self._read_s = self._clock()
            self._newest.update((second.pid, second) for second in self._tail.read())
        return max((min(1.0, each.blocked_s / each.length_s) for each in self._newest.values()), default=None)


class SampleTails:
    """Follows the files of several generators as one.

    Args:
        paths: their files.
        neighbour: the request whose p99 is shown; empty: none.
        probe_folder: folder of the target's probe; None: its loop is not shown.
    """

    def __init__(self, paths: Sequence[Path], neighbour: str = "", probe_folder: Path | None = None) -> None:
        self._tails = [SampleTail(path, neighbour) for path in paths]
        self._blocked = BlockedNow(probe_folder) if probe_folder else None

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
            rps_half_width=half_width(tail.hold.whole for tail in self._tails),
            neighbour_p99_ms=_p99([ms for tail in self._tails for ms in tail.neighbour_ms]),
            blocked=self._blocked.read() if self._blocked else None,
        )


def _p99(values: Sequence[float]) -> float | None:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if len(values) >= MIN_NEIGHBOUR_ANSWERS else None


def _with_samples(view: LiveView, rows: Sequence[tuple[float, ...]], recent: RecentAnswers) -> LiveView:
    recent.add(row[_START] + row[_LATENCY] for row in rows)
    failures = sum(1 for row in rows if row[_ERROR] != samples.NO_ERROR)
    users, newest_s = int(rows[-1][_USERS]), rows[-1][_START]
    samples_seen = view.samples + len(rows)
    return replace(view, samples=samples_seen, failures=failures, users=users, newest_s=newest_s, rps=recent.rps)


def _with_events(view: LiveView, events: list[samples.Event]) -> LiveView:
    phases = [value for _, kind, value in events if kind == samples.EVENT_PHASE]
    return replace(view, phase=str(phases[-1])) if phases else view


_NAMES = [name for name, _ in samples.FIELDS]
_START, _LATENCY = _NAMES.index("start_s"), _NAMES.index("latency_s")
_ERROR, _USERS, _NAME = _NAMES.index("error"), _NAMES.index("users"), _NAMES.index("name")
