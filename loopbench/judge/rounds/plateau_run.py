"""One plateau run, reduced to what rounds compare: a figure for each quantity, and its stamp."""

from dataclasses import dataclass

import numpy as np

from loopbench.judge.run.latency import Percentiles, percentiles
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Samples
from loopbench.judge.stamp.stamp import Stamp
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import Phase, RecordedVariant, RunRecord


@dataclass(frozen=True)
class PlateauRun:
    """The figures of one run of a round."""

    record: RunRecord
    variant: RecordedVariant
    goodput_rps: float  # good answers a second in the steady window, all requests together
    own: Percentiles  # of the variant's own request
    neighbours: tuple[Percentiles, ...]  # in the scenario's order
    stamp: Stamp
    failures: int | None = None  # bad answers in the whole run; None: not counted

    @property
    def round(self) -> int:
        """The round it was measured in."""
        return self.record.round


def judge_plateau(run: Run, neighbours: tuple[str, ...], stamp: Stamp) -> PlateauRun:
    """Reduce one complete run to its figures."""
    window = run.phase(PHASE_HOLD)
    return PlateauRun(
        record=run.record,
        variant=run.variant,
        goodput_rps=run.goodput_rps(window),
        own=window_percentiles(run.samples, run.variant.name, window),
        neighbours=tuple(window_percentiles(run.samples, name, window) for name in neighbours),
        stamp=stamp,
        failures=int(np.count_nonzero(run.samples.failed)),
    )


def window_percentiles(samples: Samples, name: str, window: Phase) -> Percentiles:
    """Response times of one request in a steady window, unanswered ones included.

    Requests are chosen by when they were sent: by when they were answered, the slowest would fall out at the end. One
    that waited from before the window until after it belongs to it too. Without an answer it counts as infinitely slow.
    """
    start_s, end_s = samples.rows["start_s"], samples.end_s
    waited_throughout = (start_s < window.start_s) & ((end_s >= window.end_s) | ~samples.finished)
    sent_inside = (start_s >= window.start_s) & (start_s < window.end_s)
    chosen = samples.named(name) & samples.loaded & (samples.good | ~samples.finished)
    chosen &= waited_throughout | sent_inside
    latency_s = np.where(samples.finished, samples.rows["latency_s"], np.inf).astype(np.float64)
    return percentiles(latency_s[chosen])
