"""What the users saw in one window of a run, as plain numbers."""

from dataclasses import dataclass

import numpy as np

from loopbench.judge.run.occupancy import first_answers_s
from loopbench.judge.run.run import Run
from loopbench.records.session import Phase


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What the users saw in the window. Times in seconds."""

    users: int
    in_flight: float  # mean number of requests sent and not answered: exact, from the overlap of each with the window
    never_served: int  # users who had no answer up to the end of the window
    goodput_rps: float
    alone_s: float | None  # see `Run.alone_s`; None: no good answer

    @property
    def served_at_once(self) -> float | None:
        """How many requests are worked on at a time, by Little's law with the time one takes alone."""
        return None if self.alone_s is None else self.goodput_rps * self.alone_s


def load_figures(run: Run, window: Phase) -> LoadFigures:
    """What the users saw in a window."""
    samples = run.samples
    sent, end = samples.rows["start_s"][samples.loaded], samples.end_s[samples.loaded]
    overlap = np.clip(np.minimum(end, window.end_s) - np.maximum(sent, window.start_s), 0.0, None)
    users = int(np.searchsorted(samples.user_start_times_s, window.end_s, side="right"))
    served = int(np.searchsorted(first_answers_s(samples), window.end_s, side="right"))
    return LoadFigures(
        users=users,
        in_flight=float(overlap.sum()) / window.width_s,
        never_served=max(0, users - served),
        goodput_rps=run.goodput_rps(window),
        alone_s=run.alone_s(window),
    )
