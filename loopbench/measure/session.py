"""One session: takes the lock, records what is about to happen, and runs the plan.

The pictures come first, then rounds until the intervals are narrow enough or the plan or the time is used up. A run
that a disturbance made INVALID is repeated inside its round; the folder of the first attempt stays and never counts.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loopbench.errors import EnvironmentRefusedError, LoopbenchError
from loopbench.measure import machine, services, store
from loopbench.measure.ceiling import own_ceiling
from loopbench.measure.description import describe
from loopbench.measure.events import Notify, RoundFinished, RunRepeated, SessionEnded, SessionStarted, TimeIsUp, Waiting
from loopbench.measure.generators import layout_of
from loopbench.measure.lock import IfBusy, one_at_a_time
from loopbench.measure.run import MeasuredRun, RunContext, commit_run, measure_run
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.timeline import measure_timeline
from loopbench.plan import Plan
from loopbench.records.own_ceiling import CEILING_FILE
from loopbench.records.session import KIND_PLATEAU, KIND_STEPS, KIND_TIMELINE, OUTSIDE_ROUNDS, PlannedRun
from loopbench.scenario import Scenario
from loopbench.scenario.secrets import secret_values

MAX_ATTEMPTS = 3
"""Attempts of one run. A variant that is INVALID every time is so by itself: it is not repeated in later rounds."""

PAUSED = "it was paused in the middle (Ctrl-Z)"


@dataclass(frozen=True)
class SessionOptions:
    """What the command line asks of a session, besides the scenario."""

    quick: bool = False
    explain: bool = False
    max_minutes: float | None = None
    if_busy: IfBusy = IfBusy.REFUSE


@dataclass(frozen=True)
class SessionJudge:
    """The judgements that the runner needs between runs, as functions of folders. Measuring itself judges nothing.

    Args:
        min_window_s: of a session's folder and a variant's slug: how long its steady window with all users must last.
        faults: of a run's folder and its session's: why the run is INVALID and should be repeated; empty: it stands.
        standing: of a session's folder after a round: whether every declared comparison is narrow enough, how many
            rounds that takes in all (None: not known yet), and both in a sentence.
    """

    min_window_s: Callable[[Path, str], float]
    faults: Callable[[Path, Path], tuple[str, ...]]
    standing: Callable[[Path], tuple[bool, int | None, str]]


def measure_session(  # noqa: PLR0913  a session's six facts
    scenario: Scenario,
    plan: Plan,
    open_folder: Callable[[], Path],
    notify: Notify,
    load_judge: Callable[[], SessionJudge],
    options: SessionOptions,
) -> SessionEnded:
    """Run a plan to its end, or to the first failure, or to a signal. Runs that are complete already are kept.

    Args:
        scenario: the question.
        plan: its runs.
        open_folder: makes the session's folder, or returns the one that is resumed, with the same plan.
        notify: receives every event but the one returned.
        load_judge: called when the first judgement is needed, so that a session without rounds never loads pandas.
        options: how the session was called.

    Raises:
        EnvironmentRefusedError: another measurement runs, or results cannot be written; nothing was started.
    """
    stop = StopWish("finished runs are kept and drawn; a second signal ends everything at once")
    with one_at_a_time(options.if_busy, lambda sentence: notify(Waiting(sentence))), stop.listening():
        folder = open_folder()
        notify(SessionStarted(scenario, plan, folder))
        runner, error = _SessionRunner(plan, load_judge, options), None
        try:
            with services.started(scenario.services, folder, stop) as running:
                runner.run_all(_context(scenario, folder, stop, notify, options, running))
        except InterruptedRunError:
            pass
        except LoopbenchError as problem:
            error = problem
        except OSError as problem:
            error = _disk_error(problem, folder)
    return SessionEnded(folder, runner.finished, runner.needed_runs, stop.signal_number, error)


def new_session(scenario: Scenario, plan: Plan, results: Path, options: SessionOptions) -> Path:
    """A folder for a session, with its `session.json`.

    Raises:
        EnvironmentRefusedError: results cannot be written.
    """
    folder = store.new_session_folder(results / scenario.name)
    store.write_session(folder, describe(scenario, plan, quick=options.quick, explain=options.explain))
    return folder


def _disk_error(problem: OSError, folder: Path) -> EnvironmentRefusedError:
    """The run under way is lost and not repeated: after a failed write the state of the disk is unknown."""
    return EnvironmentRefusedError(
        f"the run under way is lost: {problem.strerror or type(problem).__name__}",
        slug="results-lost",
        where=str(problem.filename or folder),
        hints=("make room, or mend the folder; then the same command with --resume", f"loopbench report {folder}"),
    )


def _context(  # noqa: PLR0913  what a session's runs share
    scenario: Scenario,
    folder: Path,
    stop: StopWish,
    notify: Notify,
    options: SessionOptions,
    running: RunningServices,
) -> RunContext:
    cores = machine.divide_cores(machine.available_cores(), scenario.load.generators)
    return RunContext(
        scenario=scenario,
        folder=folder,
        cores=cores if scenario.target.pin else cores.shared,
        layout=layout_of(scenario),
        stop=stop,
        notify=notify,
        explain=options.explain,
        services=running,
        secrets=secret_values(scenario, os.environ),
    )


class _SessionRunner:
    """Runs a plan and counts its runs."""

    def __init__(self, plan: Plan, load_judge: Callable[[], SessionJudge], options: SessionOptions) -> None:
        self._plan = plan
        self._load_judge = load_judge
        self._ends_s = None if options.max_minutes is None else time.monotonic() + 60 * options.max_minutes
        self._never_valid: set[str] = set()
        self.finished = 0
        self.needed_runs = sum(1 for run in plan.runs if run.round <= plan.fewest_rounds)

    @cached_property
    def _judge(self) -> SessionJudge:
        return self._load_judge()

    def run_all(self, context: RunContext) -> None:
        """Pictures, then rounds."""
        for run in self._plan.pictures:
            if not self._has_time(context, [run]):
                return
            self._measure(context, run)
        for number, runs in enumerate(self._plan.rounds, 1):
            if not self._has_time(context, runs):
                return
            for run in runs:
                self._measure(context, run)
            enough, rounds_needed, sentence = self._judge.standing(context.folder)
            context.notify(RoundFinished(number, enough, rounds_needed, sentence))
            if enough and number >= self._plan.fewest_rounds:
                return

    def _has_time(self, context: RunContext, runs: Sequence[PlannedRun]) -> bool:
        """Whether these runs fit into the time that is left; runs that are complete already take none."""
        needed_s = sum(run.expected_s for run in runs if not _is_complete(context, run))
        if self._ends_s is None or not needed_s or time.monotonic() + needed_s <= self._ends_s:
            return True
        context.notify(TimeIsUp(needed_s))
        return False

    def _measure(self, context: RunContext, run: PlannedRun) -> None:
        """Measure one run of the plan, unless it is complete already."""
        if not _is_complete(context, run):
            self._measure_until_valid(context, run)
            _measure_ceiling(context)
        self.finished += 1

    def _measure_until_valid(self, context: RunContext, run: PlannedRun) -> None:
        """Repeat a run that a disturbance made INVALID; the last attempt counts whatever it is."""
        repeatable = run.round != OUTSIDE_ROUNDS and run.variant not in self._never_valid
        for attempts_left in reversed(range(MAX_ATTEMPTS if repeatable else 1)):
            context.stop.check()
            measured = _measured_without_pause(context, run, self._min_window_s(context, run))
            faults = self._judge.faults(measured.folder, context.folder) if repeatable else ()
            if not faults or not attempts_left:
                break
            context.notify(RunRepeated(run, faults))
        if faults:
            self._never_valid.add(run.variant)
        commit_run(context, run, measured)

    def _min_window_s(self, context: RunContext, run: PlannedRun) -> float:
        has_window = run.kind in (KIND_PLATEAU, KIND_STEPS)
        return self._judge.min_window_s(context.folder, run.variant) if has_window else 0.0


def _measured_without_pause(context: RunContext, run: PlannedRun, min_window_s: float) -> MeasuredRun:
    """Measure until no Ctrl-Z came in between: a run that was paused is no attempt, and its failure is no failure."""
    while True:
        pauses = context.stop.pauses
        try:
            if run.kind == KIND_TIMELINE:
                measured = measure_timeline(context, run)
            else:
                measured = measure_run(context, run, min_window_s)
        except LoopbenchError:
            if pauses == context.stop.pauses:
                raise
        if pauses == context.stop.pauses:
            return measured
        context.notify(RunRepeated(run, (PAUSED,)))


def _measure_ceiling(context: RunContext) -> None:
    """Measure the generator's own ceiling once a session, after the first run: a target that fails shows at once."""
    client, pauses = context.scenario.load.user, context.stop.pauses
    own_ceiling(context.folder, client=client, layout=context.layout, cores=context.cores, stop=context.stop)
    if pauses != context.stop.pauses:
        (context.folder / CEILING_FILE).unlink(missing_ok=True)
        _measure_ceiling(context)


def _is_complete(context: RunContext, run: PlannedRun) -> bool:
    return store.run_path(context.folder, run.folder).is_dir()
