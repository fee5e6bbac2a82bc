"""Cross-check of a run's curve: our own samples against Locust's CSV history.

They must agree within `HOLD_WITHIN` in the hold and `RISE_WITHIN` in every bin of the rise. The CSV has a row about
every second, so a bin that spans few rows cannot be compared: the row's edges do not fall on the bin's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopbench.judge.figures import percent
from loopbench.judge.run.windows import MIN_COMPLETIONS, Bin, Plateau, goodput_by_users
from loopbench.judge.session.run_report import RunReport

HOLD_WITHIN = 0.03
RISE_WITHIN = 0.05
BINS = 10  # of the rise, equally wide in users

MIN_ROWS = 5
"""Of the history in each bin: one more or less at its edge then moves the bin's mean user by a tenth of its width."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Relative differences, CSV over samples less 1; None with the reason in `notes`."""

    hold: float | None
    rise: float | None  # the largest in size of all bins
    notes: tuple[str, ...]

    @property
    def good(self) -> bool | None:
        """Whether everything that could be compared agrees; None if nothing could."""
        known = [(self.hold, HOLD_WITHIN), (self.rise, RISE_WITHIN)]
        checked = [abs(value) <= limit for value, limit in known if value is not None]
        return all(checked) if checked else None


def agreement(run: RunReport) -> Agreement:
    """Compare the two curves of a run."""
    if run.csv_curve is None:
        return Agreement(None, None, ("there is no curve from Locust's history",))
    hold, hold_notes = _hold(run.curve.hold, run.csv_curve.hold)
    rise, rise_notes = _rise(run.curve.steps, run.csv_curve.steps)
    return Agreement(hold, rise, hold_notes + rise_notes)


def _hold(ours: Plateau | None, theirs: Plateau | None) -> tuple[float | None, tuple[str, ...]]:
    if ours is None or theirs is None or not ours.good:
        return None, ("no hold with good answers in both sources",)
    difference = theirs.goodput_rps / ours.goodput_rps - 1
    if abs(difference) <= HOLD_WITHIN:
        return difference, ()
    why = (
        f"the holds differ by {percent(difference, '+.1f')}: the CSV has a row a second, so its hold begins and ends "
        f"up to a second from ours, which lasts {ours.measured_s:.0f} s"
    )
    return difference, (why,)


def _rise(own: Sequence[Bin], csv: Sequence[Bin]) -> tuple[float | None, tuple[str, ...]]:
    if not own or not csv:
        return None, ("no rise in both sources",)
    users = [step.users for step in own]
    half_step = float(np.median(np.abs(np.diff(users)))) / 2 if len(users) > 1 else 0.0
    # Between two steps, not on them: the history knows the users to a part of a step only, and a point on an edge would
    # fall to either side of it.
    edges = np.linspace(0, max(users), BINS + 1) + half_step
    rows, _ = np.histogram([step.users for step in csv], edges)
    answers, _ = np.histogram([step.users for step in own], edges, weights=[step.good for step in own])
    usable = (answers >= MIN_COMPLETIONS) & (rows >= MIN_ROWS)
    if not usable.any():
        each = f"{rows.mean():.1f} rows of Locust's history and {answers.mean():.0f} answers for each tenth of it"
        return None, (f"the rise was too short to compare: {each}",)
    ratios = (goodput_by_users(csv, edges.tolist()) / goodput_by_users(own, edges.tolist()))[usable]
    worst = float(ratios[np.argmax(np.abs(ratios - 1))]) - 1
    left_out = BINS - int(usable.sum())
    notes = (f"{left_out} of {BINS} bins of the rise hold too little to compare",) if left_out else ()
    return (worst if math.isfinite(worst) else None), notes
