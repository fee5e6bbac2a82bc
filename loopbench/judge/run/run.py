"""One complete run: its record, and what its other files say, each read when it is first asked for and kept.

Owns which stretches of a run become figures and which answers and seconds belong to one. Figures are made elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from loopbench.errors import DataError
from loopbench.judge.run.little import Occupation, mean_occupation, occupations
from loopbench.judge.run.probe_log import ProbeLogs, read_probe_logs
from loopbench.judge.run.samples import Mask, Places, Samples, read_head, read_samples
from loopbench.judge.run.slices import edges_s, is_inside, joined
from loopbench.records import samples as layout
from loopbench.records.codec import from_json
from loopbench.records.files import open_file, read_file
from loopbench.records.load_spec import LoadSpec
from loopbench.records.sensors import SENSORS_FILE, UNOBSERVABLE_FILE, SensorRow, read_sensors, read_unobservable
from loopbench.records.session import HUNG, LOAD_FILE, STOPPED, TARGET_LOG, Phase, RunRecord, read_run
from loopbench.records.source_lines import SourceLine, read_lines
from loopbench.scenario import Variant
from loopbench.scenario.model import MAX_INTERLEAVED

NO_WINDOW: Final = "the run has no steady window"
NO_GOOD_ANSWER: Final = "there is no good answer in the window"
LAST_PART_OF_RAMP: Final = 0.3  # share of a ramp without a hold that is diagnosed
FEW_USERS: Final = 2  # up to so many users, a request hardly meets another
MIN_ALONE: Final = 5  # good answers at up to `FEW_USERS` users from which their median is the response time alone
MAX_LOG_BYTES: Final = 2_000_000
PHASES_MARGIN: Final = 4.0
PHASES_MARGIN_S: Final = 600.0
"""A run's phases may take so many times what its load asks for, and so much more. Figures are made of each second."""
EDGE_S: Final = 0.05  # a second that reaches so far out of a window counts as inside


@dataclass(frozen=True)
class Run:
    """A complete run's folder. Times are seconds after the generator's origin, unless a name states another clock.

    Every property that reads a file raises `DataError` if the file is damaged.
    """

    folder: Path
    record: RunRecord
    variant: Variant

    @cached_property
    def samples(self) -> Samples:
        """Every request; refused if the files are not what they were when the run was finished."""
        read = read_samples(self.folder, self.record.nonce, self.record.files)
        return replace(read, journey=self.variant.name) if self.spec.load.locustfile else read

    @cached_property
    def spec(self) -> LoadSpec:
        """The load that the generator was given; refused if the run's phases take far longer than it asks for.

        The phases of a hung target or a long drain reach beyond its samples, but never so far.
        """
        path = self.folder / LOAD_FILE
        spec = from_json(LoadSpec, read_file(path), str(path))
        targets = MAX_INTERLEAVED if spec.slices else 1
        longest_s = PHASES_MARGIN * targets * (spec.phases_s + spec.load.drain_s) + PHASES_MARGIN_S
        edges_s = [abs(edge_s) for phase in self.record.phases for edge_s in (phase.start_s, phase.end_s)]
        found_s = max([sum(phase.width_s for phase in self.record.phases), *edges_s])
        if found_s > longest_s:
            raise DataError(
                f"its phases last {found_s:,.0f} s, which is far longer than its load",
                slug="run-format",
                where=str(self.folder),
                allowed=f"at most {longest_s:,.0f} s",
            )
        return spec

    @cached_property
    def probe(self) -> ProbeLogs:
        """The probe's logs; without processes if the probe did not run."""
        return read_probe_logs(self.folder)

    @cached_property
    def sensors(self) -> tuple[SensorRow, ...] | None:
        """The rows of `sensors.csv`; None without that file."""
        path = self.folder / SENSORS_FILE
        return read_sensors(path) if path.is_file() else None

    @cached_property
    def unobservable(self) -> Mapping[str, str]:
        """Reasons for empty sensor cells, by column."""
        path = self.folder / UNOBSERVABLE_FILE
        return read_unobservable(path) if path.is_file() else {}

    @cached_property
    def source_lines(self) -> Mapping[tuple[str, int], SourceLine]:
        """Source text of the loop's busiest lines, by file and line number."""
        return read_lines(self.folder)

    @cached_property
    def target_log(self) -> str:
        """The last part of what the target printed; empty if nothing was kept."""
        path = self.folder / TARGET_LOG
        try:
            with open_file(path) as file:
                file.seek(max(0, file.seek(0, 2) - MAX_LOG_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    @cached_property
    def head(self) -> layout.Head | None:
        """The head of the first generator's samples, without the samples; None: torn off."""
        return read_head(self.folder, self.record.nonce)

    @property
    def origin_s(self) -> float | None:
        """The generator's origin on the host's monotonic clock; None if the samples do not hold it."""
        return None if self.head is None else self.head.origin_monotonic_s

    def phase(self, name: str) -> Phase:
        """A phase by name, all its slices together; one that did not happen has no width, at the end.

        The hold contains the drain where a slice's window lasts until then (`SliceTimes.until_drained`).
        """
        phases = self.record.phases
        end = phases[-1].end_s if phases else 0.0
        names = (name, layout.PHASE_DRAIN) if name == layout.PHASE_HOLD and self.is_until_drained else (name,)
        return joined([phase for phase in phases if phase.name in names] or [Phase(name, end, end)])

    @property
    def is_until_drained(self) -> bool:
        """Whether it was loaded in slices whose windows last until the drain is over."""
        in_slices = any(phase.name == layout.PHASE_STOPPED for phase in self.record.phases)
        return in_slices and self.spec.slices is not None and self.spec.slices.until_drained

    @cached_property
    def windows(self) -> tuple[Phase, ...]:
        """The stretches that become figures: the hold, or each level of a step load."""
        names = dict.fromkeys(phase.name for phase in self.record.phases)
        chosen = (name for name in names if name == layout.PHASE_HOLD or name.startswith(layout.STEP_PREFIX))
        return tuple(window for window in map(self.phase, chosen) if window.width_s > 0)

    @cached_property
    def shown(self) -> tuple[Phase, ...]:
        """The windows and, before them, the rise of a ramp: everything that becomes a figure or a point of a chart."""
        return tuple(phase for phase in self.record.phases if phase.name == layout.PHASE_RAMP) + self.windows

    def awake_s(self, row: SensorRow) -> float:
        """Seconds of a row of the sensors in which the target's processes were not stopped."""
        stopped = (phase for phase in self.record.phases if phase.name == layout.PHASE_STOPPED)
        return row.wall_s - sum(self._shared_s(row, phase) for phase in stopped)

    @cached_property
    def diagnosed(self) -> Phase | None:
        """The stretch that is diagnosed: the last window, or the last levels of a ramp; None without either."""
        if self.windows:
            return self.windows[-1]
        ramp = self.phase(layout.PHASE_RAMP)
        begin_s = ramp.end_s - LAST_PART_OF_RAMP * ramp.width_s
        return Phase(layout.PHASE_RAMP, begin_s, ramp.end_s) if ramp.width_s > 0 else None

    @property
    def died(self) -> str:
        """How the target's death ended the load; empty if it did not. Such a run has no whole windows or seconds."""
        ended = self.record.target_exit
        return "" if ended in (STOPPED, HUNG) else f"the target {ended}, which ended the load"

    @property
    def is_open(self) -> bool:
        """Whether requests are due on a schedule."""
        return self.spec.load.is_open

    @property
    def think_time_s(self) -> float:
        """Z: the mean of the range that think times are drawn from."""
        return sum(self.spec.load.think_time_s) / 2

    def within(self, window: Phase) -> Mask:
        """Answers to users, good and bad, that came in [start, end) of a window."""
        samples = self.samples
        return samples.loaded & samples.finished & is_inside(samples.end_s, window)

    def good_within(self, window: Phase) -> Mask:
        """The good ones among `within`."""
        return self.within(window) & self.samples.good

    def goodput_rps(self, window: Phase) -> float:
        """Good answers per second in a window; 0 in one without width."""
        return np.count_nonzero(self.good_within(window)) / window.width_s if window.width_s > 0 else 0.0

    def seconds_within(self, table: pd.DataFrame, window: Phase) -> pd.DataFrame:
        """Rows of a table of the probe that lie in a window; if none does, those that mostly do, or that touch it."""
        if self.origin_s is None:
            return table.iloc[:0]
        begin_s, end_s = table["t0_monotonic_s"] - self.origin_s, table["t1_monotonic_s"] - self.origin_s
        shared_s = np.minimum(end_s, window.end_s) - np.maximum(begin_s, window.start_s)
        for part in (1.0, 0.5):
            chosen = table[shared_s >= part * (end_s - begin_s) - EDGE_S]
            if len(chosen):
                return chosen
        return table[shared_s > 0]

    def sensors_within(self, *windows: Phase) -> list[SensorRow]:
        """Rows of the sensors that lie by more than half in one of these windows; if none does, those that touch it.

        A slice can be shorter than a row.
        """
        shares = [
            (row, max((self._shared_s(row, window) / row.wall_s for window in windows), default=0.0))
            for row in self.sensors or ()
            if row.wall_s
        ]
        return [row for row, share in shares if share > 1 / 2] or [row for row, share in shares if share > 0]

    def _shared_s(self, row: SensorRow, phase: Phase) -> float:
        end_s = row.t_s - (self.origin_s or 0.0)
        return max(0.0, min(end_s, phase.end_s) - max(end_s - row.wall_s, phase.start_s))

    @cached_property
    def occupation(self) -> Mapping[Phase, Occupation]:
        """Where users' time went in each of `windows`."""
        return {
            window: mean_occupation(occupations(self.samples, edges_s(window), self.think_time_s)[::2])
            for window in self.windows
        }

    def mean_response_s(self, window: Phase) -> float | None:
        """L / X in one of `windows`, by Little's law: requests without an answer make it longer. None: no answer."""
        completed = int(np.count_nonzero(self.within(window)))
        return self.occupation[window].in_flight * window.width_s / completed if completed else None

    def alone_s(self, window: Phase) -> float | None:
        """R1 of a window's mix of good answers: how long a request takes alone; None without any.

        For each name the median good latency while at most `FEW_USERS` were there, or the least ever.
        """
        return self._mean_of_mix(window, self.alone_of_s)

    @cached_property
    def alone_of_s(self) -> Mapping[int, float]:
        """R1 of each name that ever had a good answer, by its index: see `alone_s`."""
        samples = self.samples

        def time_s(places: Places) -> float:
            every_s = samples.rows["latency_s"][places]
            alone_s = every_s[samples.rows["users"][places] <= FEW_USERS]
            return float(np.median(alone_s)) if len(alone_s) >= MIN_ALONE else float(every_s.min())

        return {name: time_s(places) for name, places in samples.of_each_name(samples.loaded & samples.good)}

    def least_s(self, window: Phase) -> float | None:
        """Mean, over a window's good answers, of the least latency that a good answer of that name ever had."""
        return self._mean_of_mix(window, self._least_of_s)

    @cached_property
    def _least_of_s(self) -> Mapping[int, float]:
        samples = self.samples
        return {
            name: float(samples.rows["latency_s"][places].min()) for name, places in samples.of_each_name(samples.good)
        }

    def _mean_of_mix(self, window: Phase, time_s: Mapping[int, float]) -> float | None:
        names, counts = np.unique(self.samples.rows["name"][self.good_within(window)], return_counts=True)
        return float(np.average([time_s[name] for name in names.tolist()], weights=counts)) if len(names) else None

    def forget(self) -> None:
        """Drop what was read: the samples of a long session's runs do not fit into memory together."""
        for name in self.__dict__.keys() - {"folder", "record", "variant"}:
            del self.__dict__[name]


def open_run(folder: Path, variants: Sequence[Variant], record: RunRecord | None = None) -> Run:
    """Open one complete run folder."""
    record = record or read_run(folder)
    variant = next((each for each in variants if each.slug == record.variant), None)
    if variant is None:
        raise DataError(f"no variant {record.variant!r} is in session.json", slug="run-foreign", where=str(folder))
    return Run(folder, record, variant)
