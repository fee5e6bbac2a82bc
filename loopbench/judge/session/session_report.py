"""A session, judged: its runs in the scenario's order, its rounds, and everything that follows from all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from loopbench.errors import DataError
from loopbench.judge.rounds.claims import ClaimAnswer, Receipt, answer_claims
from loopbench.judge.rounds.plateau_run import PlateauRun, judge_plateau
from loopbench.judge.rounds.published import Published, published_claims, published_figures
from loopbench.judge.rounds.rounds import FIGURES, Rounds, judge_rounds, places_of, replicates_of
from loopbench.judge.run.run import Run
from loopbench.judge.run.timeline import TimelineReport, judge_timeline
from loopbench.judge.session.consistent_advice import consistent_advice
from loopbench.judge.session.gates import GateAnswer
from loopbench.judge.session.run_report import RunReport, judge_run
from loopbench.judge.session.session_gates import session_gates
from loopbench.judge.session.session_stamp import SessionStamp, stamp_session
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.health import Health, worst
from loopbench.judge.stamp.open_session import OpenSession, open_session, stamp_run
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level, State
from loopbench.judge.statistics.curves import Shape, describe
from loopbench.judge.statistics.fits import RunCurve
from loopbench.parallel import in_parallel
from loopbench.records.codec import foreign_content
from loopbench.records.failures import NONE_FAILED, Failures
from loopbench.records.samples import PHASE_STOPPED, STEP_PREFIX
from loopbench.records.session import (
    KIND_RAMP,
    KIND_STEPS,
    PlannedRun,
    RunRecord,
    SessionRecord,
    rejected_runs,
)
from loopbench.scenario import Scenario


@dataclass(frozen=True)
class StepReport:
    """One step run: good answers a second at each level of users."""

    variant: str
    curve: RunCurve
    stamp: Stamp
    run: int = 0  # its number in the session


JudgedRun = RunReport | PlateauRun | StepReport
Kind = TypeVar("Kind", RunReport, PlateauRun, StepReport)
T = TypeVar("T")


@dataclass(frozen=True)
class SessionReport:
    """What `summary.*`, the charts and the page are made of."""

    folder: Path
    record: SessionRecord
    runs: tuple[RunReport, ...]  # the ramp runs, in the order of the scenario's variants
    steps: tuple[StepReport, ...]
    rounds: Rounds | None
    stamp: SessionStamp
    canaries: Canaries
    claims: tuple[ClaimAnswer, ...]
    published: Published | None
    missing: tuple[str, ...]  # variants that did not fail, the plan holds, but no complete run does
    damaged: tuple[str, ...]  # run folders that could not be used, with the reason
    notes: tuple[str, ...]
    timelines: tuple[TimelineReport, ...] = ()
    failures: Failures = NONE_FAILED  # variants that were left out
    gates: tuple[GateAnswer, ...] = ()  # those against an earlier session: see `comparison.with_baseline`

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Of every run that counts: the ramps, then the rounds."""
        plateaus = self.rounds.runs if self.rounds else ()
        return (*(run.record for run in self.runs), *(run.record for run in plateaus))

    def health(self, variant: str) -> Health | None:
        """The worst of `healths`; None without any."""
        return worst(self.healths(variant))

    def healths(self, variant: str) -> tuple[Health, ...]:
        """Those of a variant's runs that are not INVALID. A death counts whatever the stamp."""
        plateaus = self.rounds.runs if self.rounds else ()
        runs = [(each.variant.name, each.stamp.level, each.health) for each in plateaus]
        runs += [(each.variant.name, each.stamp.level, each.health) for each in self.runs]
        own = [(level, health) for name, level, health in runs if name == variant]
        return tuple(each for level, each in own if level is not Level.INVALID or each.state is State.DEAD)

    @property
    def is_empty(self) -> bool:
        """No run of any kind is complete."""
        return not (self.records or self.steps or self.timelines)

    @property
    def counts_agree(self) -> bool:
        """In every run, the server, our samples and Locust counted the same."""
        return all(record.counts.agree for record in self.records)

    @cached_property
    def shapes(self) -> tuple[tuple[str, Shape], ...]:
        """Of each variant that has step runs, in the scenario's order."""
        curves: dict[str, list[RunCurve]] = {}
        for step in self.steps:
            curves.setdefault(step.variant, []).append(step.curve)
        names = [variant.name for variant in self.record.scenario.variants if variant.name in curves]
        return tuple((name, describe(curves[name])) for name in names)


def judge_session(folder: Path) -> SessionReport:
    """Read a session folder and judge every complete run in it."""
    session = open_session(folder)
    record, scenario = session.record, session.record.scenario
    judged = _judge_runs(session)
    order = {variant.slug: index for index, variant in enumerate(scenario.variants)}
    runs = tuple(sorted(judged.of(RunReport), key=lambda run: order[run.variant.slug]))
    tried = scenario.without(session.failures.names)
    rounds = judge_rounds(tried, judged.of(PlateauRun), len(rejected_runs(folder)))
    runs = consistent_advice(runs, rounds)
    claims = session_claims(scenario, runs, rounds, judged.timelines)
    measured = {run.variant.slug for run in runs}
    damaged = tuple(f"{name}: {reason}" for name, reason in sorted(judged.damaged.items()))
    return SessionReport(
        folder=folder,
        record=record,
        runs=runs,
        steps=judged.of(StepReport),
        rounds=rounds,
        stamp=stamp_session([(run, each.stamp) for run, each in judged.runs.items()], rounds, session.canaries),
        canaries=session.canaries,
        claims=claims,
        published=_published(scenario, claims, runs, rounds),
        missing=tuple(each.name for each in tried.variants if each.slug not in measured),
        damaged=damaged,
        notes=tuple(f"not used: {each}" for each in damaged) + _notes(record) + _notes_on_rounds(scenario, rounds),
        timelines=judged.timelines,
        failures=session.failures,
        gates=session_gates(scenario, runs, rounds),
    )


def session_claims(
    scenario: Scenario,
    runs: tuple[RunReport, ...],
    rounds: Rounds | None,
    timelines: tuple[TimelineReport, ...] = (),
) -> tuple[ClaimAnswer, ...]:
    """An answer to each claim, in the scenario's order, and then to each published ratio."""
    plateaus = rounds.runs if rounds else ()
    replicates = {
        name: replicates_of(scenario, places_of(plateaus, figure)) for name, figure in FIGURES.items() if plateaus
    }
    after = [(run.variant.name, Receipt(run.record.receipt or {}, run.stamp.invalid_ids)) for run in runs]
    after += [(run.variant.name, Receipt(run.record.receipt or {}, run.stamp.invalid_ids)) for run in plateaus]
    after += [(timeline.name, Receipt(timeline.receipt)) for timeline in timelines]
    receipts: dict[str, list[Receipt]] = {}
    for name, each in after:
        receipts.setdefault(name, []).append(each)
    return answer_claims((*scenario.claims, *published_claims(scenario)), replicates, receipts)


def _published(
    scenario: Scenario, answers: Sequence[ClaimAnswer], runs: Sequence[RunReport], rounds: Rounds | None
) -> Published | None:
    """From the rounds, paired; without any from the ramps that are not INVALID. The two are never mixed."""
    if rounds is not None:
        goodput = rounds.goodput
        return published_figures(scenario, answers, lambda name: goodput.estimate(name).value, goodput.ratio)
    ramps = {run.variant.name: run.goodput_rps for run in runs if run.is_valid}
    return published_figures(scenario, answers, ramps.get)


@dataclass(frozen=True)
class _JudgedRuns:
    """Every run of the plan that can be read, and why the others cannot."""

    runs: Mapping[PlannedRun, JudgedRun]
    timelines: tuple[TimelineReport, ...]
    damaged: Mapping[str, DataError]  # by the name of the run's folder

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """Returns the runs that were judged in this form."""
        return tuple(each for each in self.runs.values() if isinstance(each, kind))


def _judge_runs(session: OpenSession) -> _JudgedRuns:
    """Judge each run by itself: a damaged file costs its own run and no other."""
    plan = {run.folder: run for run in session.record.plan}
    _ = session.usual_delay, session.reference  # every run is compared with them: found here, not in every process
    jobs = [partial(_unless_damaged, run.folder, partial(_judge, run, plan, session)) for run in session.runs]
    judged = dict(zip((run.folder for run in session.runs), in_parallel(jobs), strict=True))
    timelines = {path: _unless_damaged(path, partial(_judge_timeline, path, plan)) for path in session.timelines}
    found = [*judged.items(), *timelines.items()]
    return _JudgedRuns(
        runs={plan[path.name]: each for path, each in judged.items() if not isinstance(each, DataError)},
        timelines=tuple(each for each in timelines.values() if not isinstance(each, DataError)),
        damaged=session.damaged | {path.name: each for path, each in found if isinstance(each, DataError)},
    )


def _unless_damaged(folder: Path, judge: Callable[[], T]) -> T | DataError:
    """Return a judgement, or what is wrong with the run's files."""
    try:
        with foreign_content(folder):
            return judge()
    except DataError as problem:
        return problem


def _check_planned(path: Path, plan: Mapping[str, PlannedRun], record: RunRecord | None = None) -> None:
    planned = plan.get(path.name)
    if planned is None or (record and (record.number, record.variant) != (planned.number, planned.variant)):
        raise DataError("no run of this session's plan", slug="run-foreign", where=str(path))


def _judge_timeline(path: Path, plan: Mapping[str, PlannedRun]) -> TimelineReport:
    _check_planned(path, plan)
    return judge_timeline(path)


def _judge(run: Run, plan: Mapping[str, PlannedRun], session: OpenSession) -> JudgedRun:
    """Judge a run in the form of its kind; what was read for it is dropped."""
    try:
        _check_planned(run.folder, plan, run.record)
        stamp, kind = stamp_run(run, session), plan[run.folder.name].kind
        if kind == KIND_RAMP:
            return judge_run(run, session.record, stamp)
        if kind == KIND_STEPS:
            return StepReport(run.variant.name, step_curve(run), stamp, run.record.number)
        return judge_plateau(run, session.record.scenario.neighbours, stamp)
    finally:
        run.forget()


def step_curve(run: Run) -> RunCurve:
    """Good answers per second at each level of a step load, by users; a level that was not reached is absent."""
    phases = [each for each in run.record.phases if each.name.startswith(STEP_PREFIX)]
    levels = sorted((int(phase.name.removeprefix(STEP_PREFIX)), run.goodput_rps(phase)) for phase in phases)
    return RunCurve(tuple(float(users) for users, _ in levels), tuple(rps for _, rps in levels))


def _notes_on_rounds(scenario: Scenario, rounds: Rounds | None) -> tuple[str, ...]:
    """How the runs of a round were measured, and why."""
    if rounds is None:
        return ()
    if any(phase.name == PHASE_STOPPED for run in rounds.runs for phase in run.record.phases):
        slices = "the targets of a round were alive together and loaded in slices; the others were stopped meanwhile"
        return (f"Rounds in turns: {slices}. Each round has fresh processes, and intervals are over rounds.",)
    because = scenario.isolated_because
    return (f"Rounds of separate runs, each with the machine to itself: {because}.",) if because else ()


def _notes(record: SessionRecord) -> tuple[str, ...]:
    load = record.scenario.load
    closed_loop = (
        f"Closed loop: {load.users} users, each waiting for its answer before asking again. Response times hold "
        "for at most that many requests in flight; they say nothing about a fixed arrival rate."
    )
    open_loop = (
        "Open loop: requests are due on a schedule, whatever the answers do. A response time counts from the moment "
        "its request was due."
    )
    first = open_loop if load.is_open else closed_loop
    notes = [first, "One ramp run a variant: a picture, not a comparison. It carries no interval."]
    if record.quick:
        notes.append(
            f"A quick look: users came at {load.spawn_rate:.3g} a second, so each number of users was seen for "
            "a moment only. Run without --quick for the real picture."
        )
    if record.environment_ignored:
        notes.append(
            "Set here, and kept away from Locust (or from uvicorn, where it would steer it): "
            + ", ".join(record.environment_ignored)
            + "."
        )
    return tuple(notes)
