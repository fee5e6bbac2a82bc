"""One session: takes the lock, records what is about to happen, verifies the variants, and runs the plan.

A variant that fails when it is verified is a result: it is left out, and the others are measured. The pictures come
first, then rounds until the intervals are narrow enough or the plan or the time is used up. A run that a disturbance
made INVALID is repeated inside its round; the folder of the first attempt stays and never counts.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from loopbench import __version__
from loopbench.errors import EnvironmentRefusedError, LoopbenchError, TargetError
from loopbench.measure import environment, machine, provenance, services, store
from loopbench.measure.before import read_values
from loopbench.measure.ceiling import own_ceiling
from loopbench.measure.events import (
    Notify,
    RoundFinished,
    RunRepeated,
    SessionEnded,
    SessionStarted,
    TimeIsUp,
    VariantFailed,
    Waiting,
)
from loopbench.measure.generation import measure_generation
from loopbench.measure.lock import IfBusy, one_at_a_time
from loopbench.measure.run import MeasuredRun, RunContext, commit_run, measure_run
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.timeline import measure_timeline
from loopbench.measure.variant_checks import failing_variants
from loopbench.plan import Plan, is_interleaved
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import to_json
from loopbench.records.failures import FAILURES_FILE, SLOW, Failures, read_failures
from loopbench.records.own_ceiling import CEILING_FILE
from loopbench.records.session import (
    KIND_PLATEAU,
    KIND_RAMP,
    KIND_STEPS,
    KIND_TIMELINE,
    OUTSIDE_ROUNDS,
    PlannedRun,
    SessionRecord,
)
from loopbench.scenario import Scenario
from loopbench.scenario.data import NO_VALUES, Values
from loopbench.scenario.secrets import secret_values
from loopbench.secrecy import public_arguments, remember

MAX_ATTEMPTS = 3
"""Attempts of one run. A variant that is INVALID every time is so by itself: it is not repeated in later rounds."""

PICTURE_ATTEMPTS = 2
OF_MACHINE = "M"  # rules of the stamp about the machine begin with it

PAUSED = "it was paused in the middle (Ctrl-Z)"


@dataclass(frozen=True)
class SessionOptions:
    """What the command line asks of a session, besides the scenario."""

    quick: bool = False
    explain: bool = False
    max_minutes: float | None = None
    if_busy: IfBusy = IfBusy.REFUSE
    checkouts: Mapping[str, str] = field(default_factory=dict)
    """Folders that are deleted at the end, and what they are called in the records."""


def measure_session(
    scenario: Scenario,
    plan: Plan,
    open_folder: Callable[[], Path],
    notify: Notify,
    options: SessionOptions,
) -> SessionEnded:
    """Run a plan to its end, or to the first failure, or to a signal. Runs that are complete already are kept.

    Raises:
        EnvironmentRefusedError: another measurement runs, there are too few cores, or results cannot be written;
            nothing was started.
    """
    machine.check_cores(scenario)
    stop = StopWish("finished runs are kept and drawn; a second signal ends everything at once")
    with one_at_a_time(options.if_busy, lambda sentence: notify(Waiting(sentence))), stop.listening():
        remember(secret_values(scenario, os.environ))
        values = read_values(scenario, os.environ)
        folder = open_folder()
        notify(SessionStarted(scenario, plan, folder))
        runner, error = _SessionRunner(plan, options), None
        try:
            with services.started(scenario.services, folder, stop) as running:
                runner.run_all(_context(scenario, folder, stop, notify, options, running, values))
        except InterruptedRunError:
            pass
        except LoopbenchError as problem:
            error = problem
        except OSError as problem:
            error = _disk_error(problem, folder)
    error = error or (None if stop.signal_number else runner.failed)
    return SessionEnded(folder, runner.finished, runner.needed_runs, stop.signal_number, error)


def new_session(scenario: Scenario, plan: Plan, results: Path, options: SessionOptions) -> Path:
    """A folder for a session, with its `session.json`. Raises EnvironmentRefusedError if results cannot be written."""
    folder = store.new_session_folder(results / scenario.name)
    store.write_session(folder, describe(scenario, plan, quick=options.quick, explain=options.explain))
    return folder


def describe(scenario: Scenario, plan: Plan, *, quick: bool, explain: bool) -> SessionRecord:
    """What `session.json` holds: all that is known of a session before it begins."""
    return SessionRecord(
        format=FORMAT_VERSION,
        loopbench=__version__,
        started=store.now_iso(),
        command=public_arguments(sys.argv),
        file=str(scenario.file),
        quick=quick,
        explain=explain,
        scenario=scenario,
        seed=plan.seed,
        plan=plan.runs,
        machine=machine.facts(),
        packages=machine.package_versions(),
        provenance=provenance.describe(scenario),
        environment_ignored=environment.ignored(),
    )


def _disk_error(problem: OSError, folder: Path) -> EnvironmentRefusedError:
    """The run under way is lost and not repeated: after a failed write the state of the disk is unknown."""
    return EnvironmentRefusedError(
        f"the run under way is lost: {problem.strerror or type(problem).__name__}",
        slug="results-lost",
        where=str(problem.filename or folder),
        hints=(
            "free disk space, or repair the folder; then the same command with --resume",
            f"loopbench report {folder}",
        ),
    )


def _context(  # noqa: PLR0913  what a session's runs share
    scenario: Scenario,
    folder: Path,
    stop: StopWish,
    notify: Notify,
    options: SessionOptions,
    running: RunningServices,
    values: Values = NO_VALUES,
) -> RunContext:
    return RunContext(
        scenario=scenario,
        folder=folder,
        cores=machine.divide_cores(machine.available_cores(), scenario.load.generators),
        stop=stop,
        notify=notify,
        explain=options.explain,
        services=running,
        values=values,
        checkouts=options.checkouts,
    )


class _SessionRunner:
    """Runs a plan and counts its runs."""

    def __init__(self, plan: Plan, options: SessionOptions) -> None:
        self._plan = plan
        self._quick = options.quick
        self._ends_s = None if options.max_minutes is None else time.monotonic() + 60 * options.max_minutes
        self._never_valid: set[str] = set()
        self.finished = 0
        self.failed: TargetError | None = None
        """The error of the first variant that failed when all were verified."""

    @property
    def needed_runs(self) -> int:
        """Runs that the plan needs at least."""
        return sum(1 for run in self._plan.runs if run.round <= self._plan.fewest_rounds)

    def run_all(self, context: RunContext) -> None:
        """Verify the variants, measure the pictures, then rounds until they are enough."""
        from loopbench.judge.rounds.between_runs import rounds_standing

        self._leave_out_failing(context)
        for run in self._plan.pictures:
            if not self._has_time(context, [run]):
                return
            self._measure(context, [run])
        self._leave_out_slow(context)
        for number, runs in enumerate(self._plan.rounds, 1):
            if not self._has_time(context, runs):
                return
            for group in [runs] if is_interleaved(context.scenario, runs[0]) else [(run,) for run in runs]:
                self._measure(context, group)
            enough, rounds_needed, sentence = rounds_standing(context.folder)
            context.notify(RoundFinished(number, enough, rounds_needed, sentence))
            if enough and number >= self._plan.fewest_rounds:
                return

    def _leave_out_failing(self, context: RunContext) -> None:
        """Verify every variant; those that fail are recorded and not measured. A resumed session knows them."""
        failures = read_failures(context.folder)
        if not any(_is_complete(context, run) for run in self._plan.runs):
            found = list(failing_variants(context))
            failures = Failures(tuple(failure for failure, _ in found))
            self.failed = next((error for _, error in found), None)
            if self.failed and len(found) == len(context.scenario.variants):
                raise self.failed
            (context.folder / FAILURES_FILE).unlink(missing_ok=True)
            if found:
                store.write_durably(context.folder / FAILURES_FILE, to_json(failures))
        self._leave_out(context, failures)

    def _leave_out_slow(self, context: RunContext) -> None:
        """Leave variants out of the rounds whose ramps are too slow for the scenario, and the rounds if one is left."""
        from loopbench.judge.rounds.between_runs import too_slow

        known = read_failures(context.folder)
        found = tuple(each for each in too_slow(context.folder, context.scenario) if each.variant not in known.names)
        failures = Failures((*known.variants, *found))
        if found:
            store.write_durably(context.folder / FAILURES_FILE, to_json(failures))
            self._leave_out(context, Failures(found))
        is_alone = len({run.variant for run in self._plan.runs if run.round != OUTSIDE_ROUNDS}) == 1
        if is_alone and any(each.state == SLOW for each in failures.variants):
            self._plan = replace(self._plan, runs=self._plan.pictures)

    def _leave_out(self, context: RunContext, failures: Failures) -> None:
        for failure in failures.variants:
            context.notify(VariantFailed(failure))
        self._plan = self._plan.without(
            {each.slug for each in context.scenario.variants if each.name in failures.names}
        )

    def _has_time(self, context: RunContext, runs: Sequence[PlannedRun]) -> bool:
        """Whether these runs fit into the time that is left; runs that are complete already take none."""
        needed_s = sum(run.expected_s for run in runs if not _is_complete(context, run))
        if self._ends_s is None or not needed_s or time.monotonic() + needed_s <= self._ends_s:
            return True
        context.notify(TimeIsUp(needed_s))
        return False

    def _measure(self, context: RunContext, runs: Sequence[PlannedRun]) -> None:
        """Measure runs of the plan together, unless they are complete already."""
        left = [run for run in runs if not _is_complete(context, run)]
        if left:
            self._measure_until_valid(context, left)
            _measure_ceiling(context)
        self.finished += len(runs)

    def _measure_until_valid(self, context: RunContext, runs: Sequence[PlannedRun]) -> None:
        """Repeat runs of which a disturbance made one INVALID; the last attempt counts whatever it is."""
        last = PICTURE_ATTEMPTS if runs[0].round == OUTSIDE_ROUNDS else MAX_ATTEMPTS
        for attempt in range(1, last + 1):
            context.stop.check()
            measured = _measured_without_pause(context, runs)
            faults = {
                run: found
                for run, attempted in zip(runs, measured, strict=True)
                for found in [self._faults(context, run, attempted)]
                if found
            }
            if not faults or attempt == last:
                break
            for run, found in faults.items():
                context.notify(RunRepeated(run, found))
        self._never_valid.update(run.variant for run in faults if run.round != OUTSIDE_ROUNDS)
        for run, attempted in zip(runs, measured, strict=True):
            commit_run(context, run, attempted)

    def _faults(self, context: RunContext, run: PlannedRun, attempted: MeasuredRun) -> tuple[str, ...]:
        """Why a run is to be repeated. A picture is, if the session is quick and the machine is at fault."""
        from loopbench.judge.rounds.between_runs import faults_of

        if run.round != OUTSIDE_ROUNDS:
            return () if run.variant in self._never_valid else faults_of(attempted.folder, context.folder)
        if not self._quick or run.kind != KIND_RAMP:
            return ()
        return tuple(each for each in faults_of(attempted.folder, context.folder) if each.startswith(OF_MACHINE))


def _measured_without_pause(context: RunContext, runs: Sequence[PlannedRun]) -> Sequence[MeasuredRun]:
    """Measure until no Ctrl-Z came in between: a run that was paused is no attempt, and its failure is no failure."""
    while True:
        pauses = context.stop.pauses
        try:
            measured = _measured(context, runs)
        except LoopbenchError:
            if pauses == context.stop.pauses:
                raise
        if pauses == context.stop.pauses:
            return measured
        context.notify(RunRepeated(runs[0], (PAUSED,)))


def _measured(context: RunContext, runs: Sequence[PlannedRun]) -> Sequence[MeasuredRun]:
    """Measure a generation, or one run, with windows long enough for what is known of each variant."""
    from loopbench.judge.rounds.between_runs import cycle_s, least_window_s

    if is_interleaved(context.scenario, runs[0]):
        return measure_generation(context, runs, [cycle_s(context.folder, run.variant) for run in runs])
    (run,) = runs
    if run.kind == KIND_TIMELINE:
        return (measure_timeline(context, run),)
    has_window = run.kind in (KIND_PLATEAU, KIND_STEPS)
    return (measure_run(context, run, least_window_s(context.folder, run.variant) if has_window else 0.0),)


def _measure_ceiling(context: RunContext) -> None:
    """Measure the generator's own ceiling once a session, after the first run: a target that fails shows at once."""
    pauses = context.stop.pauses
    own_ceiling(context.folder, load=context.scenario.load, cores=context.cores, stop=context.stop)
    if pauses != context.stop.pauses:
        (context.folder / CEILING_FILE).unlink(missing_ok=True)
        _measure_ceiling(context)


def _is_complete(context: RunContext, run: PlannedRun) -> bool:
    return store.run_path(context.folder, run.folder).is_dir()
