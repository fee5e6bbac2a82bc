"""One plateau run, reduced to what rounds compare: a figure for each quantity, and the stamp that says if it counts."""

from dataclasses import dataclass

import numpy as np

from loopbench.judge.run.latency import Percentiles, percentiles
from loopbench.judge.run.run_files import RunFiles
from loopbench.judge.run.samples import Samples
from loopbench.judge.stamp.stamp import Stamp
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.session import Phase, RecordedVariant, RunRecord


@dataclass(frozen=True)
class PlateauRun:
    """What one run of a round is worth."""

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


def judge_plateau(files: RunFiles, neighbours: tuple[str, ...], stamp: Stamp) -> PlateauRun:
    """Reduce one complete run to its figures."""
    window = files.phase(PHASE_HOLD)
    answered = files.samples.loaded & files.samples.good & _ends_in(files.samples, window)
    length_s = window.end_s - window.start_s
    return PlateauRun(
        record=files.record,
        variant=files.variant,
        goodput_rps=float(np.count_nonzero(answered) / length_s) if length_s > 0 else 0.0,
        own=window_percentiles(files.samples, files.variant.name, window),
        neighbours=tuple(window_percentiles(files.samples, name, window) for name in neighbours),
        stamp=stamp,
        failures=int(np.count_nonzero(files.samples.failed)),
    )


def window_percentiles(samples: Samples, name: str, window: Phase) -> Percentiles:
    """Response times of one request in a steady window, those nobody answered included.

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


def _ends_in(samples: Samples, window: Phase) -> np.ndarray:
    return (samples.end_s >= window.start_s) & (samples.end_s < window.end_s)
