"""One run, judged: everything a page or a chart says about it, as values."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from loopbench.errors import DataError, UsageError
from loopbench.judge import locust_csv, locust_curve
from loopbench.judge.latency import LatencyPoint, Percentiles, latency_curve, percentiles
from loopbench.judge.occupancy import Moment, PhaseEnd, moments, phase_ends
from loopbench.judge.samples import Mask, Samples, read_samples
from loopbench.judge.windows import Curve, curve_from_completions
from loopbench.records import samples as layout
from loopbench.records.session import (
    LOCUST_CSV_PREFIX,
    SAMPLES_GLOB,
    Phase,
    RecordedVariant,
    RunRecord,
    file_facts,
    read_run,
)


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
    notes: tuple[str, ...]

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


def judge_run(folder: Path, variants: tuple[RecordedVariant, ...], neighbours: tuple[str, ...]) -> RunReport:
    """Read one complete run folder and work everything out.

    Raises:
        DataError: its samples cannot be read, or it belongs to another scenario.
        FormatError: its `run.json` is damaged or of another format.
    """
    record = read_run(folder)
    _check_untouched(folder, record)
    samples = read_samples(folder, record.nonce)
    variant = next((each for each in variants if each.slug == record.variant), None)
    if variant is None:
        raise DataError(f"no variant {record.variant!r} is in session.json", slug="run-foreign", where=str(folder))
    csv_curve, csv_notes = _csv_road(folder, variant.name)
    own = _request(samples, record, variant.name, is_neighbour=False)
    return RunReport(
        record=record,
        variant=variant,
        curve=_curve(samples, record, variant.name, samples.loaded),
        requests=(own, *(_request(samples, record, name, is_neighbour=True) for name in neighbours)),
        moments=moments(samples, np.arange(*_loaded_span_s(record.phases), 1.0)),
        ends=phase_ends(samples, record.phases),
        errors=samples.errors_by_count(),
        failures=int(np.count_nonzero(samples.finished & ~samples.good)),
        csv_curve=csv_curve,
        notes=samples.notes + csv_notes + _count_notes(record),
    )


def _check_untouched(folder: Path, record: RunRecord) -> None:
    """The samples must be what they were when the run was finished."""
    found = {fact.name: fact for fact in file_facts(folder)}
    for fact in record.files:
        if fnmatch(fact.name, SAMPLES_GLOB) and found.get(fact.name) != fact:
            raise DataError(
                f"{fact.name} is not what it was when the run was finished",
                slug="samples-changed",
                where=str(folder),
                allowed=f"{fact.size_bytes} bytes with checksum {fact.crc32}",
            )


def _request(samples: Samples, record: RunRecord, name: str, *, is_neighbour: bool) -> RequestReport:
    chosen = samples.named(name) & samples.loaded
    good = chosen & samples.good
    hold = _phase(record.phases, layout.PHASE_HOLD)
    held = good & (samples.end_s >= hold.start_s) & (samples.end_s < hold.end_s)
    latencies_s = samples.rows["latency_s"].astype(np.float64)
    return RequestReport(
        name=name,
        is_neighbour=is_neighbour,
        curve=_curve(samples, record, name, chosen),
        latency=latency_curve(latencies_s[good], samples.rows["users"][good].astype(np.int_)),
        hold=percentiles(latencies_s[held]),
    )


def _curve(samples: Samples, record: RunRecord, label: str, chosen: Mask) -> Curve:
    ramp, hold = (_phase(record.phases, name) for name in (layout.PHASE_RAMP, layout.PHASE_HOLD))
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


def _phase(phases: tuple[Phase, ...], name: str) -> Phase:
    """A phase by name; one that did not happen lasts no time at the end."""
    end = phases[-1].end_s if phases else 0.0
    return next((phase for phase in phases if phase.name == name), Phase(name, end, end))


def _loaded_span_s(phases: tuple[Phase, ...]) -> tuple[float, float]:
    ramp = _phase(phases, layout.PHASE_RAMP)
    return ramp.start_s, max((phase.end_s for phase in phases), default=ramp.start_s)


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
