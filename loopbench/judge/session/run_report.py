"""One run, judged: everything a page or a chart shows of it, as values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loopbench.errors import DataError, UsageError
from loopbench.judge.diagnosis.insights import Insights, insights
from loopbench.judge.locust_history import locust_csv, locust_curve
from loopbench.judge.run.latency import LatencyPoint, Percentiles, latency_curve, percentiles
from loopbench.judge.run.occupancy import Moment, PhaseEnd, moments, phase_ends
from loopbench.judge.run.run import Run
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
        """Whether its figures count as results: VALID, DEGRADED or not."""
        return self.stamp.level < Level.INVALID

    @property
    def goodput_rps(self) -> float | None:
        """Good answers per second at full load, neighbours included; None if the run held no load."""
        return self.curve.hold.goodput_rps if self.curve.hold else None

    @property
    def own(self) -> RequestReport:
        """The variant's own request."""
        return self.requests[0]

    def end_of(self, phase: str) -> Moment | None:
        """How things stood when a phase ended."""
        return next((end.moment for end in self.ends if end.phase == phase), None)


def judge_run(run: Run, session: SessionRecord, stamp: Stamp) -> RunReport:
    """Judge a ramp run.

    Raises:
        DataError: a file of the run is damaged.
    """
    samples, name, ramp = run.samples, run.variant.name, run.phase(layout.PHASE_RAMP)
    csv_curve, csv_notes = _curve_from_locust_csv(run.folder, name)
    last_s = max((phase.end_s for phase in run.record.phases), default=ramp.start_s)
    return RunReport(
        record=run.record,
        variant=run.variant,
        curve=_curve(run, name, samples.loaded),
        requests=(
            _request(run, name),
            *(_request(run, each, is_neighbour=True) for each in session.scenario.neighbours),
        ),
        moments=moments(samples, np.arange(ramp.start_s, last_s, 1.0)),
        ends=phase_ends(samples, run.record.phases),
        errors=samples.errors_by_count(),
        failures=int(np.count_nonzero(samples.failed)),
        csv_curve=csv_curve,
        stamp=stamp,
        insights=insights(run, int(session.machine.get("cores", 1))),
        notes=samples.notes + csv_notes + _count_notes(run.record),
    )


def _request(run: Run, name: str, *, is_neighbour: bool = False) -> RequestReport:
    samples = run.samples
    chosen = samples.named(name) & samples.loaded
    good, held = chosen & samples.good, chosen & run.good_within(run.phase(layout.PHASE_HOLD))
    latencies_s = samples.rows["latency_s"].astype(np.float64)
    return RequestReport(
        name=name,
        is_neighbour=is_neighbour,
        curve=_curve(run, name, chosen),
        latency=latency_curve(latencies_s[good], samples.rows["users"][good].astype(np.int_)),
        hold=percentiles(latencies_s[held]),
    )


def _curve(run: Run, label: str, chosen: Mask) -> Curve:
    ramp, hold, samples = run.phase(layout.PHASE_RAMP), run.phase(layout.PHASE_HOLD), run.samples
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


def _curve_from_locust_csv(folder: Path, label: str) -> tuple[Curve | None, tuple[str, ...]]:
    """The same run's curve from Locust's history alone; a note where that cannot be used."""
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
