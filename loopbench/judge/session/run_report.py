"""One run, judged: everything a page or a chart says about it, as values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loopbench.errors import DataError, UsageError
from loopbench.judge.diagnosis.insights import Insights, insights
from loopbench.judge.locust_history import locust_csv, locust_curve
from loopbench.judge.run.latency import LatencyPoint, Percentiles, latency_curve, percentiles
from loopbench.judge.run.occupancy import Moment, PhaseEnd, moments, phase_ends
from loopbench.judge.run.run_files import RunFiles
from loopbench.judge.run.samples import Mask
from loopbench.judge.run.windows import Curve, curve_from_completions
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.records import samples as layout
from loopbench.records.session import LOCUST_CSV_PREFIX, RecordedVariant, RunRecord, SessionRecord


@dataclass(frozen=True)
class RequestReport:
    """One request name within a run."""

    name: str
    is_neighbour: bool
    curve: Curve
    latency: tuple[LatencyPoint, ...]
    hold: Percentiles  # of the good answers that came during the hold


@dataclass(frozen=True)
class RunReport:
    """A run's whole story. Times are seconds after the generator's origin."""

    record: RunRecord
    variant: RecordedVariant
    curve: Curve  # every request together
    requests: tuple[RequestReport, ...]  # the variant's own first, then the neighbours
    moments: tuple[Moment, ...]  # once a second
    ends: tuple[PhaseEnd, ...]
    errors: tuple[tuple[str, int], ...]
    failures: int
    csv_curve: Curve | None  # the same run from Locust's own history
    stamp: Stamp
    insights: Insights
    notes: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether its figures may be told as results: VALID, DEGRADED or not."""
        return self.stamp.level < Level.INVALID

    @property
    def goodput_rps(self) -> float | None:
        """Good answers per second at full load, neighbours included; None if the run held no load."""
        return self.curve.hold.goodput_rps if self.curve.hold else None

    @property
    def failure_share(self) -> float:
        """Of the answers that came, how many were bad ones (0 to 1); 0 when none came."""
        answers = self.record.counts.samples
        return self.failures / answers if answers else 0.0

    @property
    def own(self) -> RequestReport:
        """The variant's own request."""
        return self.requests[0]

    def end_of(self, phase: str) -> Moment | None:
        """How things stood when a phase ended."""
        return next((end.moment for end in self.ends if end.phase == phase), None)


def judge_run(files: RunFiles, session: SessionRecord, stamp: Stamp) -> RunReport:
    """Work everything out that a ramp run tells.

    Raises:
        DataError: a file of the run is damaged.
    """
    neighbours = session.scenario.neighbours
    record, samples, variant = files.record, files.samples, files.variant
    csv_curve, csv_notes = _csv_road(files.folder, variant.name)
    own = _request(files, variant.name, is_neighbour=False)
    return RunReport(
        record=record,
        variant=variant,
        curve=_curve(files, variant.name, samples.loaded),
        requests=(own, *(_request(files, name, is_neighbour=True) for name in neighbours)),
        moments=moments(samples, np.arange(*_loaded_span_s(files), 1.0)),
        ends=phase_ends(samples, record.phases),
        errors=samples.errors_by_count(),
        failures=int(np.count_nonzero(samples.failed)),
        csv_curve=csv_curve,
        stamp=stamp,
        insights=insights(files, session),
        notes=samples.notes + csv_notes + _count_notes(record),
    )


def _request(files: RunFiles, name: str, *, is_neighbour: bool) -> RequestReport:
    samples = files.samples
    chosen = samples.named(name) & samples.loaded
    good = chosen & samples.good
    hold = files.phase(layout.PHASE_HOLD)
    held = good & (samples.end_s >= hold.start_s) & (samples.end_s < hold.end_s)
    latencies_s = samples.rows["latency_s"].astype(np.float64)
    return RequestReport(
        name=name,
        is_neighbour=is_neighbour,
        curve=_curve(files, name, chosen),
        latency=latency_curve(latencies_s[good], samples.rows["users"][good].astype(np.int_)),
        hold=percentiles(latencies_s[held]),
    )


def _curve(files: RunFiles, label: str, chosen: Mask) -> Curve:
    ramp, hold, samples = files.phase(layout.PHASE_RAMP), files.phase(layout.PHASE_HOLD), files.samples
    counted = chosen & samples.finished
    return curve_from_completions(
        label,
        completion_times_s=samples.end_s[counted],
        ok=samples.good[counted],
        ramp_start_s=ramp.start_s,
        user_start_times_s=samples.user_start_times_s,
        hold_start_s=hold.start_s,
        hold_end_s=hold.end_s,
    )


def _loaded_span_s(files: RunFiles) -> tuple[float, float]:
    ramp = files.phase(layout.PHASE_RAMP)
    return ramp.start_s, max((phase.end_s for phase in files.record.phases), default=ramp.start_s)


def _csv_road(folder: Path, label: str) -> tuple[Curve | None, tuple[str, ...]]:
    """The same run from Locust's history alone; a note where that road is closed."""
    try:
        history = locust_csv.read(locust_csv.find_history(folder / LOCUST_CSV_PREFIX))
        return locust_curve.make_curves(history, label)[0], ()
    except (DataError, UsageError) as problem:
        return None, (f"Locust's own history could not be used: {problem.what}",)


def _count_notes(record: RunRecord) -> tuple[str, ...]:
    counts = record.counts
    notes = []
    if not counts.agree:
        shown = ", ".join(
            f"{name} {'not observed' if value is None else value}"
            for name, value in (("server", counts.server), ("samples", counts.samples), ("Locust", counts.locust))
        )
        notes.append(f"the three counts of requests do not agree: {shown}")
    if counts.unfinished:
        notes.append(f"{counts.unfinished} requests had no answer when the drain ended")
    return tuple(notes)
