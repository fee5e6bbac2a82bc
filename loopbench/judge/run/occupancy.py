"""Requests in flight, and users that were never served. A latency figure without them can mislead.

uvloop accepts one connection per turn of its loop; with a handler that blocks it, most users may never get a first
answer, and the few that do look fast.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loopbench.judge.run.samples import Places, Samples
from loopbench.records import samples as layout
from loopbench.records.session import Phase

SILENT_S = 1.0  # so long nothing is answered before requests count as stuck

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood at one time (seconds after the origin)."""

    at_s: float
    users: int
    in_flight: int
    never_served: int  # users that have started and have had no answer yet
    answers: int  # so far

    @property
    def passed_over(self) -> int | None:
        """Users without an answer although there were as many answers as users; None: fewer, so some had to wait."""
        return self.never_served if self.answers >= self.users else None


@dataclass(frozen=True, slots=True)
class PhaseEnd:
    """How things stood when a phase ended."""

    phase: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Stuck:
    """Requests of one kind at the end of a window."""

    requests: int  # in flight, if not one of them was ever answered, and none of the kind for the last second
    silent_s: float  # from the last answer in the window, or its begin, to when the first of these was given up


def moments(samples: Samples, times_s: Floats) -> tuple[Moment, ...]:
    """The state at each of some times, in order."""
    sent, answered = samples.sent_in_order_s, samples.answered_in_order_s
    users = samples.user_start_times_s
    served = first_answers_s(samples)
    columns = [np.searchsorted(each, times_s, side="right") for each in (users, sent, answered, served)]
    return tuple(
        Moment(float(at), int(up), int(out - back), int(max(0, up - seen)), int(back))
        for at, up, out, back, seen in zip(times_s, *columns, strict=True)
    )


def first_answers_s(samples: Samples) -> Floats:
    """When each user that was ever answered had its first answer, sorted."""
    chosen = samples.loaded & samples.finished
    users, ends = samples.rows["user"][chosen], samples.end_s[chosen]
    if not len(users):
        return np.empty(0)
    first = np.full(int(users.max()) + 1, np.inf)
    np.minimum.at(first, users, ends)
    return np.sort(first[np.isfinite(first)])


def phase_ends(samples: Samples, phases: tuple[Phase, ...]) -> tuple[PhaseEnd, ...]:
    """The state when each phase ended."""
    at = moments(samples, np.array([phase.end_s for phase in phases]))
    return tuple(PhaseEnd(phase.name, moment) for phase, moment in zip(phases, at, strict=True))


def stuck(samples: Samples, places: Places, window: Phase) -> Stuck:
    """How many of the requests at these places are in flight at the window's end and will never be answered.

    A deadlock may begin inside the window, after some answers, so that it is not enough to count those.
    """
    rows, end_s = samples.rows[places], samples.end_s[places]
    answered = samples.finished[places] & (rows["status"] != 0)
    left = rows["flags"] & layout.FLAG_HUNG_UP != 0
    in_flight = (rows["start_s"] < window.end_s) & (end_s > window.end_s)
    last_s = float(end_s[answered & (end_s <= window.end_s)].max(initial=window.start_s))
    if not in_flight.any() or (in_flight & (answered | left)).any():
        return Stuck(0, window.end_s - last_s)
    silent_s = float(end_s[in_flight].min()) - last_s
    return Stuck(int(np.count_nonzero(in_flight)) if silent_s >= SILENT_S else 0, silent_s)
