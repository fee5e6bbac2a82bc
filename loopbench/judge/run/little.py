"""Where users' time goes: waiting for the target, thinking, or hidden inside the generator.

Owns Little's law in its exact form (Little, "Little's Law as viewed on its 50th anniversary", Operations Research 59
(2011)): in any window every user alive is either in flight or not, so N = L + what remains, with L the sum of overlaps
of [sent, answered) with the window, over its length. What remains must be think time. The gap is time that users spend
in neither: inside the generator. (Throughput times mean response time is wrong at a window's edges, and in a ramp.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loopbench.judge.run.samples import Samples
from loopbench.records.samples import EVENT_USER_STARTED, EVENT_USER_STOPPED

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Occupation:
    """Means over one window, in users."""

    start_s: float  # of the window, seconds after the origin
    end_s: float  # of it
    users: float  # N, alive
    in_flight: float  # L, waiting for an answer, those that never got one included
    thinking: float  # between an answer and the end of the think time that follows it

    @property
    def hidden_share(self) -> float:
        """Time in neither: h = (N - L - thinking) / N. Below 0 the record is wrong: there were not so many users."""
        return (self.users - self.in_flight - self.thinking) / self.users if self.users else 0.0


def occupations(samples: Samples, edges_s: Floats, think_time_s: float) -> tuple[Occupation, ...]:
    """One for each window between two neighbouring edges.

    Args:
        samples: of one run; the warm-up is left out.
        edges_s: ascending, seconds after the origin.
        think_time_s: Z, the mean of the range it is drawn from: samples do not hold the draws. Overlaps of
            [answered, answered + Z) are X * Z, without its error at the edges.
    """
    sent, answered = samples.sent_in_order_s, samples.answered_in_order_s
    started, stopped = (_event_times_s(samples, kind) for kind in (EVENT_USER_STARTED, EVENT_USER_STOPPED))
    users = overlap_s(started, stopped, edges_s)
    in_flight = overlap_s(sent, answered, edges_s)
    thinking = overlap_s(answered, answered + think_time_s, edges_s)
    width_s = np.diff(edges_s)
    columns = (edges_s[:-1], edges_s[1:], users / width_s, in_flight / width_s, thinking / width_s)
    return tuple(Occupation(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def mean_occupation(parts: Sequence[Occupation]) -> Occupation:
    """The mean over several windows, each weighted by its length."""
    width_s = [part.end_s - part.start_s for part in parts]
    means = (np.average([getattr(part, name) for part in parts], weights=width_s) for name in _MEANS)
    return Occupation(parts[0].start_s, parts[-1].end_s, *map(float, means))


_MEANS = ("users", "in_flight", "thinking")


def overlap_s(starts_s: Floats, ends_s: Floats, edges_s: Floats) -> Floats:
    """Time that intervals [start, end) spend inside each window; an interval without an end has no entry in `ends_s`.

    The two need not be in the same order: the sum over intervals does not ask which end belongs to which start.
    """
    return np.diff(_time_since_s(starts_s, edges_s) - _time_since_s(ends_s, edges_s))


def _time_since_s(events_s: Floats, until_s: Floats) -> Floats:
    """Sum over events of max(0, until - event), at each moment."""
    ordered = np.sort(np.asarray(events_s, dtype=np.float64), kind="stable")  # mostly in order: then one pass
    before = np.searchsorted(ordered, until_s, side="right")
    sums = np.concatenate(([0.0], np.cumsum(ordered)))
    return np.asarray(before * until_s - sums[before], dtype=np.float64)


def _event_times_s(samples: Samples, kind: str) -> Floats:
    return np.array([at_s for at_s, each, _ in samples.events if each == kind], dtype=np.float64)
