"""One run's load as it was recorded: which stretches become figures, and what happened in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loopbench.errors import DataError
from loopbench.judge.run.little import Occupation, occupations
from loopbench.judge.run.run_files import RunFiles
from loopbench.judge.run.samples import Floats, Mask, Samples
from loopbench.records import samples as layout
from loopbench.records.codec import from_json
from loopbench.records.load_order import MODE_OPEN, LoadOrder
from loopbench.records.session import LOAD_ORDER_FILE, Phase

NO_WINDOW = "the run has no steady window"


@dataclass(frozen=True)
class LoadView:
    """One run's load as it was recorded.

    Args:
        samples: every request.
        order: what the generator was told.
        phases: as they happened, in seconds after the origin.
    """

    samples: Samples
    order: LoadOrder
    phases: tuple[Phase, ...]

    @cached_property
    def windows(self) -> tuple[Phase, ...]:
        """The stretches that become figures."""
        kept = (phase for phase in self.phases if phase.end_s > phase.start_s)
        return tuple(p for p in kept if p.name == layout.PHASE_HOLD or p.name.startswith(layout.STEP_PREFIX))

    @cached_property
    def shown(self) -> tuple[Phase, ...]:
        """The stretches that become figures or points of a chart: the rise of a ramp as well."""
        return tuple(phase for phase in self.phases if phase.name == layout.PHASE_RAMP) + self.windows

    @property
    def is_open(self) -> bool:
        """Requests are due on a schedule."""
        return self.order.mode == MODE_OPEN

    @property
    def think_time_s(self) -> float:
        """Z: the mean of the range that think times are drawn from."""
        return sum(self.order.think_time_s) / 2

    def completed(self, window: Phase, chosen: Mask | None = None) -> Mask:
        """Answers of users, of the chosen kind, that came inside a window."""
        samples = self.samples
        inside = samples.loaded & samples.finished & (samples.end_s >= window.start_s) & (samples.end_s < window.end_s)
        return inside if chosen is None else inside & chosen

    def goodput_rps(self, window: Phase) -> float:
        """Good answers per second in a window."""
        return np.count_nonzero(self.completed(window, self.samples.good)) / (window.end_s - window.start_s)

    @cached_property
    def occupation(self) -> Mapping[Phase, Occupation]:
        """Where users' time went in each window."""
        return {
            window: occupations(self.samples, np.array([window.start_s, window.end_s]), self.think_time_s)[0]
            for window in self.windows
        }

    @property
    def mean_response_s(self) -> float | None:
        """L / X in the longest window, by Little's law: waiting without an answer makes it longer, as it should.

        None when there is no window, or nothing was answered in it.
        """
        window = max(self.windows, key=lambda phase: phase.end_s - phase.start_s, default=None)
        if window is None or not (completed := int(np.count_nonzero(self.completed(window)))):
            return None
        return self.occupation[window].in_flight * (window.end_s - window.start_s) / completed

    def shortest_s(self, answers: Mask) -> float:
        """Mean over these answers of the least latency that any good answer of the same name ever had."""
        return float(self._least_s[self.samples.rows["name"][answers]].mean())

    @cached_property
    def _least_s(self) -> Floats:
        """The shortest good answer of each name; infinite without one."""
        rows, good = self.samples.rows, self.samples.good
        least_s = np.full(max(1, len(self.samples.names)), np.inf)
        names, latencies_s = rows["name"][good], rows["latency_s"][good]
        for name in range(len(least_s)):  # a handful: far quicker than `np.minimum.at`
            least_s[name] = latencies_s.min(initial=np.inf, where=names == name)
        return least_s

    @cached_property
    def median_latency_s(self) -> float | None:
        """Of good answers in all windows; None without any."""
        parts = [self.samples.rows["latency_s"][self.completed(each, self.samples.good)] for each in self.windows]
        latencies_s = np.concatenate(parts) if parts else np.empty(0)
        return float(np.median(latencies_s)) if len(latencies_s) else None


def load_view(files: RunFiles) -> LoadView:
    """The load of a run that is open.

    Raises:
        DataError: what the generator was told is missing or damaged.
    """
    path = files.folder / LOAD_ORDER_FILE
    try:
        order = from_json(LoadOrder, path.read_bytes(), str(path))
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None
    return LoadView(files.samples, order, files.record.phases)
