"""What the users saw in one window of a run, as plain numbers; and which window of it is looked at."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from loopbench.judge.run.occupancy import first_answers_s
from loopbench.judge.run.samples import Samples
from loopbench.records import samples as layout
from loopbench.records.session import Phase

LAST_PART_OF_RAMP = 0.3
"""Of a ramp without a hold: the levels that are diagnosed."""
FEW_USERS = 2
"""Up to so many, a request hardly meets another."""
LEAST_ALONE = 5
"""Answers at few users from which their median says something."""


class Window(NamedTuple):
    """A stretch of a run, in seconds after the generator's origin."""

    start_s: float
    end_s: float

    @property
    def width_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What the users saw in the window. Times in seconds."""

    users: int
    in_flight: float  # mean number of requests sent and not answered: exact, from the overlap of each with the window
    never_served: int  # users who had no answer up to the end of the window
    goodput_rps: float
    alone_s: float | None  # median latency when at most FEW_USERS were there; None: no ramp showed it

    @property
    def served_at_once(self) -> float | None:
        """How many requests are worked on at a time, by Little's law with the time one takes alone."""
        return None if self.alone_s is None else self.goodput_rps * self.alone_s


def window_of(phases: tuple[Phase, ...]) -> Window | None:
    """What is diagnosed of a run: its hold, or its last step, or the last levels of its ramp."""
    chosen = [p for p in phases if p.name == layout.PHASE_HOLD or p.name.startswith(layout.STEP_PREFIX)]
    if chosen and chosen[-1].end_s > chosen[-1].start_s:
        return Window(chosen[-1].start_s, chosen[-1].end_s)
    ramp = next((p for p in phases if p.name == layout.PHASE_RAMP and p.end_s > p.start_s), None)
    return None if ramp is None else Window(ramp.end_s - LAST_PART_OF_RAMP * (ramp.end_s - ramp.start_s), ramp.end_s)


def load_figures(samples: Samples, window: Window) -> LoadFigures:
    """What the users saw in a window."""
    loaded = samples.loaded
    sent, end = samples.rows["start_s"][loaded], samples.end_s[loaded]
    overlap = np.clip(np.minimum(end, window.end_s) - np.maximum(sent, window.start_s), 0.0, None)
    done = loaded & samples.good & (samples.end_s >= window.start_s) & (samples.end_s < window.end_s)
    users = int(np.searchsorted(samples.user_start_times_s, window.end_s, side="right"))
    served = int(np.searchsorted(first_answers_s(samples), window.end_s, side="right"))
    return LoadFigures(
        users=users,
        in_flight=float(overlap.sum()) / window.width_s,
        never_served=max(0, users - served),
        goodput_rps=float(np.count_nonzero(done)) / window.width_s,
        alone_s=_alone_s(samples, window),
    )


def _alone_s(samples: Samples, window: Window) -> float | None:
    chosen = samples.loaded & samples.good & (samples.rows["users"] <= FEW_USERS) & (samples.end_s < window.start_s)
    latencies_s = samples.rows["latency_s"][chosen]
    return float(np.median(latencies_s)) if len(latencies_s) >= LEAST_ALONE else None
