"""A session, judged: its runs in the scenario's order, its rounds, and everything that follows from all of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.foreign_folder import refuse_hostile
from loopbench.judge.rounds.claims import ClaimAnswer
from loopbench.judge.rounds.plateau_run import PlateauRun, judge_plateau
from loopbench.judge.rounds.published import Published, published_figures
from loopbench.judge.rounds.rounds import Rounds, judge_rounds
from loopbench.judge.run.run import Run
from loopbench.judge.run.timeline import TimelineReport, judge_timeline
from loopbench.judge.session.gates import GateAnswer
from loopbench.judge.session.run_report import RunReport, judge_run
from loopbench.judge.session.session_claims import session_claims
from loopbench.judge.session.session_gates import session_gates
from loopbench.judge.session.session_stamp import SessionStamp, stamp_session
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.stamp.open_session import OpenSession, open_session
from loopbench.judge.stamp.run_stamp import stamp_run
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.statistics.curves import Shape, describe
from loopbench.judge.statistics.fits import RunCurve
from loopbench.records.load_order import MODE_OPEN
from loopbench.records.samples import STEP_PREFIX
from loopbench.records.session import (
    KIND_RAMP,
    KIND_STEPS,
    PlannedRun,
    RecordedScenario,
    RunRecord,
    SessionRecord,
    rejected_runs,
)


@dataclass(frozen=True)
class StepReport:
    """One step run: good answers a second at each level of users."""

    variant: str
    curve: RunCurve
    stamp: Stamp
    run: int = 0  # its number in the session


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
    missing: tuple[str, ...]  # variants the plan holds but no complete run does
    damaged: tuple[str, ...]  # run folders that could not be used, with the reason
    notes: tuple[str, ...]
    timelines: tuple[TimelineReport, ...] = ()
    gates: tuple[GateAnswer, ...] = ()  # those against an earlier session: see `comparison.with_baseline`

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """Of every run that counts: the ramps, then the rounds."""
        plateaus = self.rounds.runs if self.rounds else ()
        return (*(run.record for run in self.runs), *(run.record for run in plateaus))

    @property
    def is_empty(self) -> bool:
        """No run of any kind is complete."""
        return not (self.records or self.steps or self.timelines)

    @property
    def counts_agree(self) -> bool:
        """In every run, the server, our samples and Locust counted the same."""
        return all(record.counts.agree for record in self.records)

    @property
    def shapes(self) -> tuple[tuple[str, Shape], ...]:
        """Of each variant that has step runs, in the scenario's order."""
        curves: dict[str, list[RunCurve]] = {}
        for step in self.steps:
            curves.setdefault(step.variant, []).append(step.curve)
        names = [variant.name for variant in self.record.scenario.variants if variant.name in curves]
        return tuple((name, describe(curves[name])) for name in names)


def judge_session(folder: Path) -> SessionReport:
    """Read a session folder and judge every complete run in it.

    Raises:
        DataError: it is no session, or its `session.json` is damaged or of another format.
    """
    refuse_hostile(folder)
    session = open_session(folder)
    record, scenario = session.record, session.record.scenario
    judged = _judge_runs(session)
    order = {variant.slug: index for index, variant in enumerate(scenario.variants)}
    runs = tuple(sorted(judged.ramps, key=lambda run: order[run.variant.slug]))
    rounds = judge_rounds(scenario, tuple(judged.plateaus), len(rejected_runs(folder)))
    claims = session_claims(scenario, runs, rounds, tuple(judged.timelines))
    measured = {run.variant.slug for run in runs}
    damaged = tuple(f"{name}: {reason}" for name, reason in sorted(judged.damaged.items()))
    return SessionReport(
        folder=folder,
        record=record,
        runs=runs,
        steps=tuple(judged.steps),
        rounds=rounds,
        stamp=stamp_session(judged.stamps, rounds, session.canaries),
        canaries=session.canaries,
        claims=claims,
        published=_published(scenario, claims, runs, rounds),
        missing=tuple(each.name for each in scenario.variants if each.slug not in measured),
        damaged=damaged,
        notes=tuple(f"not used: {each}" for each in damaged) + _notes(record),
        timelines=tuple(judged.timelines),
        gates=session_gates(scenario, runs, rounds),
    )


def _published(
    scenario: RecordedScenario, answers: Sequence[ClaimAnswer], runs: Sequence[RunReport], rounds: Rounds | None
) -> Published | None:
    """From the rounds, paired; without any from the ramps that are not INVALID. The two are never mixed."""
    if rounds is not None:
        goodput = rounds.goodput
        return published_figures(scenario, answers, lambda name: goodput.estimate(name).value, goodput.ratio)
    ramps = {run.variant.name: run.goodput_rps for run in runs if run.is_valid}
    return published_figures(scenario, answers, ramps.get)


@dataclass
class _JudgedRuns:
    """Every run of the plan that can be read, and why the others cannot."""

    damaged: dict[str, DataError]  # by the name of the run's folder
    ramps: list[RunReport] = field(default_factory=list)
    plateaus: list[PlateauRun] = field(default_factory=list)
    steps: list[StepReport] = field(default_factory=list)
    timelines: list[TimelineReport] = field(default_factory=list)
    stamps: list[tuple[PlannedRun, Stamp]] = field(default_factory=list)


def _judge_runs(session: OpenSession) -> _JudgedRuns:
    """Judge each run by itself: a damaged file costs its own run and no other."""
    judged = _JudgedRuns(dict(session.damaged))
    planned = {run.folder: run for run in session.record.plan}
    for path in session.timelines:
        with _damage_noted(judged, path):
            _check_planned(path, planned)
            judged.timelines.append(judge_timeline(path))
    for run in session.runs:
        with _damage_noted(judged, run.folder):
            _check_planned(run.folder, planned, run.record)
            _judge(run, planned[run.folder.name], session, judged)
        run.forget()
    return judged


@contextmanager
def _damage_noted(judged: _JudgedRuns, path: Path) -> Iterator[None]:
    try:
        yield
    except DataError as problem:
        judged.damaged[path.name] = problem


def _check_planned(path: Path, plan: Mapping[str, PlannedRun], record: RunRecord | None = None) -> None:
    planned = plan.get(path.name)
    if planned is None or (record and (record.number, record.variant) != (planned.number, planned.variant)):
        raise DataError("no run of this session's plan", slug="run-foreign", where=str(path))


def _judge(run: Run, planned: PlannedRun, session: OpenSession, judged: _JudgedRuns) -> None:
    scenario, stamp = session.record.scenario, stamp_run(run, session)
    if planned.kind == KIND_RAMP:
        judged.ramps.append(judge_run(run, session.record, stamp))
    elif planned.kind == KIND_STEPS:
        judged.steps.append(StepReport(run.variant.name, step_curve(run), stamp, run.record.number))
    else:
        judged.plateaus.append(judge_plateau(run, scenario.neighbours, stamp))
    judged.stamps.append((planned, stamp))


def step_curve(run: Run) -> RunCurve:
    """Good answers per second at each level of a step load, by users; a level that was not reached is absent."""
    phases = [each for each in run.record.phases if each.name.startswith(STEP_PREFIX)]
    levels = sorted((int(phase.name.removeprefix(STEP_PREFIX)), run.goodput_rps(phase)) for phase in phases)
    return RunCurve(tuple(float(users) for users, _ in levels), tuple(rps for _, rps in levels))


def _notes(record: SessionRecord) -> tuple[str, ...]:
    scenario = record.scenario
    closed_loop = (
        f"Closed loop: {scenario.users} users, each waiting for its answer before asking again. Response times hold "
        "for at most that many requests in flight; they say nothing about a fixed arrival rate."
    )
    open_loop = (
        "Open loop: requests are due on a schedule, whatever the answers do. A response time counts from the moment "
        "its request was due."
    )
    first = open_loop if scenario.mode == MODE_OPEN else closed_loop
    notes = [first, "One ramp run a variant: a picture, not a comparison. It carries no interval."]
    if scenario.quick:
        notes.append(
            f"A quick look: users came at {scenario.spawn_rate:.3g} a second, so each number of users was seen for "
            "a moment only. Run without --quick for the real picture."
        )
    if record.environment_ignored:
        notes.append(
            "Set here, and kept away from Locust (or from uvicorn, where it would steer it): "
            + ", ".join(record.environment_ignored)
            + "."
        )
    return tuple(notes)
