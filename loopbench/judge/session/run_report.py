"""One run, judged: everything a page or a chart shows of it, as values."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loopbench.errors import DataError, UsageError
from loopbench.judge.cross_check.locust_csv import find_history, read
from loopbench.judge.cross_check.locust_curve import curves_from_locust_csv
from loopbench.judge.diagnosis.ceilings import Ceilings, ceilings_of
from loopbench.judge.diagnosis.diagnosis import Diagnosis, diagnose_run
from loopbench.judge.diagnosis.time_spent import TimeSpent, time_spent
from loopbench.judge.figures import plural
from loopbench.judge.run.latency import LatencyPoint, Percentiles, latency_curve, window_percentiles
from loopbench.judge.run.loop_curve import LoopMoment, loop_curve
from loopbench.judge.run.occupancy import Moment, PhaseEnd, moments, phase_ends
from loopbench.judge.run.open_loop import OpenMode, open_mode
from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Mask
from loopbench.judge.run.windows import Curve, curve_from_completions
from loopbench.judge.stamp.health import Health, health_of
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.records import samples as layout
from loopbench.records.session import LOCUST_CSV_PREFIX, RunRecord, SessionRecord
from loopbench.scenario import Variant

MAX_USER_ERRORS = 3  # kinds of exceptions of a locustfile's users that are shown

MAX_NAMES = 1_000  # requests of a locustfile with a note of their own, the most frequent: each looks at every sample


@dataclass(frozen=True)
class RequestReport:
    """One request name within a run."""

    name: str
    is_neighbour: bool
    curve: Curve
    latency: tuple[LatencyPoint, ...]
    hold: Percentiles  # of what was sent in the hold, or waited through it


@dataclass(frozen=True)
class RunReport:
    """Everything that is shown of one run. Times are seconds after the generator's origin."""

    record: RunRecord
    variant: Variant
    curve: Curve  # every request together
    requests: tuple[RequestReport, ...]  # the variant's own first, then the neighbours
    moments: tuple[Moment, ...]  # once a second
    ends: tuple[PhaseEnd, ...]
    errors: tuple[tuple[str, int], ...]
    csv_curve: Curve | None  # the same run from Locust's own history
    stamp: Stamp
    health: Health
    diagnosis: Diagnosis
    ceilings: Ceilings | None  # None without an answer, and in open mode
    time_spent: TimeSpent | None  # None where the probe did not run
    loop: tuple[LoopMoment, ...]  # every second of every worker
    open_mode: OpenMode | None  # None in closed mode
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

    @property
    def failures(self) -> int:
        """Requests of users that failed."""
        return self.health.failed

    def end_of(self, phase: str) -> Moment | None:
        """How things stood when a phase ended."""
        return next((end.moment for end in self.ends if end.phase == phase), None)


def judge_run(run: Run, session: SessionRecord, stamp: Stamp) -> RunReport:
    """Judge a ramp run. Raises DataError if a file of the run is damaged."""
    samples, name, ramp = run.samples, run.variant.name, run.phase(layout.PHASE_RAMP)
    health = health_of(run, stamp)
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
        csv_curve=csv_curve,
        stamp=stamp,
        health=health,
        diagnosis=diagnose_run(run),
        ceilings=ceilings_of(run, int(session.machine.get("cores", 1))),
        time_spent=None if run.diagnosed is None else time_spent(run, run.diagnosed),
        loop=loop_curve(run),
        open_mode=open_mode(run) if run.is_open else None,
        notes=(*_accounting(health), *_journeys(run), *samples.notes, *csv_notes, *_count_notes(run)),
    )


def _journeys(run: Run) -> Iterator[str]:
    """Yield what the users of a locustfile did: which ended early, their exceptions, and times by request name."""
    hold, events = run.phase(layout.PHASE_HOLD), run.samples.events
    ended = [at for at, kind, _ in events if kind == layout.EVENT_USER_STOPPED and at < hold.end_s]
    if run.samples.journey and ended:
        yield f"{len(ended)} of {plural(run.record.users_started, 'user')} ended before the load did"
    errors = Counter(str(value) for _, kind, value in events if kind == layout.EVENT_USER_ERROR)
    for error, count in errors.most_common(MAX_USER_ERRORS):
        yield f"{plural(count, 'exception')} of users: {error}"
    occurring = run.samples.of_each_name(run.samples.loaded) if run.samples.journey else ()
    names = sorted(occurring, key=lambda named: -len(named[1]))[:MAX_NAMES]
    for name in (run.samples.names[index] for index, _ in sorted(names, key=lambda named: named[0])):
        times = window_percentiles(run.samples, name, hold)
        p50, p99 = (times.shown(each) or "-" for each in ("p50", "p99"))
        yield f"{name}: p50 {p50} ms, p99 {p99} ms at full load ({times.samples:,} answers)"


def _request(run: Run, name: str, *, is_neighbour: bool = False) -> RequestReport:
    samples = run.samples
    chosen = samples.named(name) & samples.loaded
    good = chosen & samples.good
    latencies_s = samples.rows["latency_s"].astype(np.float64)
    return RequestReport(
        name=name,
        is_neighbour=is_neighbour,
        curve=_curve(run, name, chosen),
        latency=latency_curve(latencies_s[good], samples.rows["users"][good].astype(np.int_)),
        hold=window_percentiles(samples, name, run.phase(layout.PHASE_HOLD)),
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
        return curves_from_locust_csv(read(find_history(folder / LOCUST_CSV_PREFIX)), label)[0], ()
    except (DataError, UsageError) as problem:
        return None, (f"Locust's own history could not be used: {problem.what}",)


def _accounting(health: Health) -> tuple[str, ...]:
    """What became of every request, where not all of them got a good answer."""
    return () if health.good == health.sent else (health.accounting,)


def _count_notes(run: Run) -> tuple[str, ...]:
    counts, target = run.record.counts, run.variant.served
    if counts.agree and target.is_counted_by_probe:
        return (f"requests served by {target.command or target.server} were counted by the probe, around the app",)
    if counts.agree:
        return ()
    shown = ", ".join(
        f"{name} {'not observed' if value is None else value}"
        for name, value in (("server", counts.server), ("samples", counts.samples), ("Locust", counts.locust))
    )
    return (f"the three counts of requests do not agree: {shown}",)
