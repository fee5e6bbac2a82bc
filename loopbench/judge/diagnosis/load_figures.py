"""What the users saw in one window of a run, and how wide each request name's narrowest resource is."""

from dataclasses import dataclass

import numpy as np

from loopbench.judge.run.occupancy import moments, stuck
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Mask, Places
from loopbench.judge.run.slices import parts_of
from loopbench.records.session import Phase

QUEUE_FACTOR = 1.5  # a name's requests queue if so many times more of them are in flight than are worked on at a time


@dataclass(frozen=True, slots=True)
class NameLoad:
    """One request name in the window. Times in seconds."""

    name: str
    in_flight: float  # mean number sent and not answered
    goodput_rps: float
    failed_rps: float  # answered with a bad status
    spread_s: float | None  # from the 10th to the 90th percentile of the good answers; None: no good answer
    alone_s: float | None  # how long a request takes alone (see `Run.alone_s`); None: no good answer ever
    users: int  # who asked up to the end of the window
    served: int  # of them, with a good answer
    stuck: int = 0  # in flight at the end of the window, if none of these was ever answered
    silent_s: float = 0.0  # from the last answer to when they were given up; without an answer, the window

    @property
    def width(self) -> float | None:
        """How many are worked on at a time: the width of the narrowest resource, by Little's law."""
        return None if self.alone_s is None else self.goodput_rps * self.alone_s

    @property
    def queues(self) -> bool:
        """Whether more of them are in flight than are worked on."""
        return self.width is not None and self.in_flight >= max(2.0, QUEUE_FACTOR * self.width)

    @property
    def never_ends(self) -> bool:
        """Whether requests are in flight and none is answered, well or badly: in the window, or from a moment on."""
        return self.waiting > 0 and (self.stuck > 0 or self.goodput_rps == self.failed_rps == 0)

    @property
    def waiting(self) -> float:
        """How many are in flight: on average, or at the end if they never end from a moment on."""
        return max(self.in_flight, self.stuck)

    @property
    def mean_s(self) -> float | None:
        """Mean response time, by Little's law; None without an answer."""
        answers_rps = self.goodput_rps + self.failed_rps
        return self.in_flight / answers_rps if answers_rps else None


@dataclass(frozen=True, slots=True)
class Failures:
    """Answers of the window with a bad status."""

    share: float  # of all answers
    status: int  # the most frequent
    name: str  # of the requests that have it most often
    median_s: float  # how long the users waited for them


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What the users saw in the window. Times in seconds."""

    users: int
    in_flight: float  # mean number of requests sent and not answered: exact, from the overlap of each with the window
    never_served: int | None  # users without an answer at the end of the window; None: fewer answers than users
    goodput_rps: float
    answers_rps: float | None = None  # good and bad
    names: tuple[NameLoad, ...] = ()  # the variant's own first
    failures: Failures | None = None  # None: no answer of the window had a bad status

    @property
    def width(self) -> float | None:
        """How many requests of the names that queue are worked on at a time; None where none is known to queue."""
        widths = [each.width for each in self.names if each.queues and each.width is not None]
        return sum(widths) if widths else None


def load_figures(run: Run, window: Phase) -> LoadFigures:
    """What the users saw in a window."""
    samples = run.samples
    (moment,) = moments(samples, np.array([window.end_s]))
    answered = run.within(window)
    names = [_name_load(run, window, *named, answered) for named in samples.of_each_name(samples.loaded)]
    return LoadFigures(
        users=moment.users,
        in_flight=_in_flight(run, window, samples.loaded),
        never_served=moment.passed_over,
        goodput_rps=run.goodput_rps(window),
        answers_rps=float(np.count_nonzero(answered)) / window.width_s if window.width_s > 0 else 0.0,
        names=tuple(sorted(names, key=lambda each: each.name != run.variant.name)),
        failures=_failures(run, answered),
    )


def _in_flight(run: Run, window: Phase, chosen: Mask | Places) -> float:
    sent, end = run.samples.rows["start_s"][chosen], run.samples.end_s[chosen]
    shared_s = [
        np.clip(np.minimum(end, part.end_s) - np.maximum(sent, part.start_s), 0.0, None).sum()
        for part in parts_of(window)
    ]
    return float(sum(shared_s)) / window.width_s


def _name_load(run: Run, window: Phase, name: int, places: Places, answered: Mask) -> NameLoad:
    """Return the load of one name, whose rows are at `places`; `answered` are all answers of the window."""
    samples = run.samples
    rows, is_good = samples.rows[places], samples.good[places]
    asked = rows["start_s"] < window.end_s
    good = answered[places] & is_good
    failed = answered[places] & samples.failed[places] & (rows["status"] > 0)
    served = asked & is_good & (samples.end_s[places] < window.end_s)
    end = stuck(samples, places, window)
    return NameLoad(
        name=samples.names[name],
        in_flight=_in_flight(run, window, places),
        goodput_rps=float(np.count_nonzero(good)) / window.width_s,
        failed_rps=float(np.count_nonzero(failed)) / window.width_s,
        spread_s=float(np.ptp(np.percentile(rows["latency_s"][good], (10, 90)))) if good.any() else None,
        alone_s=run.alone_of_s.get(name),
        users=len(np.unique(rows["user"][asked])),
        served=len(np.unique(rows["user"][served])),
        stuck=end.requests,
        silent_s=end.silent_s,
    )


def _failures(run: Run, answered: Mask) -> Failures | None:
    """Bad answers of a window; a request without any answer has no status and is not among them."""
    samples = run.samples
    bad = samples.rows[answered & samples.failed & (samples.rows["status"] > 0)]
    if not len(bad):
        return None
    status = int(np.bincount(bad["status"]).argmax())
    of_status = bad[bad["status"] == status]
    return Failures(
        share=len(bad) / int(np.count_nonzero(answered)),
        status=status,
        name=samples.names[int(np.bincount(of_status["name"]).argmax())],
        median_s=float(np.median(of_status["latency_s"])),
    )
