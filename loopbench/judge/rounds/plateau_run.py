"""One plateau run, reduced to what rounds compare: a figure for each quantity, and its stamp."""

from dataclasses import dataclass

import numpy as np

from loopbench.judge.run.latency import Percentiles, window_percentiles
from loopbench.judge.run.run import Run
from loopbench.judge.stamp.health import Health, health_of
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.statistics.bounds import Count
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import Phase, RunRecord
from loopbench.scenario import Variant


@dataclass(frozen=True)
class PlateauRun:
    """The figures of one run of a round."""

    record: RunRecord
    variant: Variant
    answers: Count  # good ones in the steady window, all requests together
    own: Percentiles  # of the variant's own request
    neighbours: tuple[Percentiles, ...]  # in the scenario's order
    stamp: Stamp
    health: Health

    @property
    def round(self) -> int:
        """The round it was measured in."""
        return self.record.round

    @property
    def goodput_rps(self) -> float:
        """Good answers per second."""
        return self.answers.events / self.answers.seconds


def judge_plateau(run: Run, neighbours: tuple[str, ...], stamp: Stamp) -> PlateauRun:
    """Reduce one complete run to its figures."""
    window = run.phase(PHASE_HOLD)
    times = [window_percentiles(run.samples, name, window) for name in (run.variant.name, *neighbours)]
    own, *others = [each.from_below for each in times] if run.is_until_drained else times
    return PlateauRun(
        record=run.record,
        variant=run.variant,
        answers=Count(int(np.count_nonzero(run.good_within(window))), _watched_s(run, window)),
        own=own,
        neighbours=tuple(others),
        stamp=stamp,
        health=health_of(run, stamp),
    )


def _watched_s(run: Run, window: Phase) -> float:
    """The window's length; as long as it should have been where the target's death ended it."""
    return max(window.width_s, run.spec.hold_s) if run.died or not window.width_s else window.width_s
