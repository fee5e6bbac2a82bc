"""One session: checks the ground, writes down what is about to happen, and walks the plan.

The pictures first, then round after round until the intervals are narrow enough, the plan or the time is used up. A
run that comes out INVALID by a disturbance is repeated inside its round; its folder stays and never counts.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import EnvironmentRefusedError, LoopbenchError
from loopbench.measure import machine, services, store
from loopbench.measure.ceiling import own_ceiling
from loopbench.measure.description import describe
from loopbench.measure.generators import spread_of
from loopbench.measure.judging import Judge
from loopbench.measure.lock import IfBusy, one_at_a_time
from loopbench.measure.observer import Observer
from loopbench.measure.run import Bench, MeasuredRun, commit_run, measure_run
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.measure.timeline import measure_timeline
from loopbench.plan import Plan
from loopbench.records.own_ceiling import CEILING_FILE
from loopbench.records.session import KIND_PLATEAU, KIND_STEPS, KIND_TIMELINE, OUTSIDE_ROUNDS, PlannedRun
from loopbench.scenario import Scenario
from loopbench.scenario.secrets import secret_values

MOST_ATTEMPTS = 3
"""Of one run. A variant that is INVALID every time is so by itself, not by the moment: it is not repeated again."""


PAUSED = "it was paused in the middle (Ctrl-Z)"


@dataclass(frozen=True)
class Wanted:
    """What the command line asks of a session, besides the scenario."""

    quick: bool = False
    explain: bool = False
    max_minutes: float | None = None
    if_busy: IfBusy = IfBusy.REFUSE


@dataclass(frozen=True)
class SessionOutcome:
    """How far a session came."""

    folder: Path
    finished_runs: int
    planned_runs: int  # that were still wanted when it ended
    interrupted_by: int | None  # a signal's number
    error: LoopbenchError | None  # what ended it before its plan did


def measure_session(  # noqa: PLR0913  a session's six facts
    scenario: Scenario,
    plan: Plan,
    open_folder: Callable[[], Path],
    observer: Observer,
    judge: Judge,
    wanted: Wanted,
) -> SessionOutcome:
    """Walk a plan to its end, or to the first failure, or to a signal. Runs that are complete already are kept.

    Args:
        scenario: the question.
        plan: its runs.
        open_folder: makes the session's folder, or gives the one that is resumed, with the same plan.
        observer: told of every step.
        judge: asked between runs.
        wanted: how it was called.

    Raises:
        EnvironmentRefusedError: before anything was started, another measurement runs or results cannot be written.
    """
    stop = StopWish("finished runs are kept and drawn; a second signal ends everything at once")
    with one_at_a_time(wanted.if_busy, observer.waiting), stop.listening():
        folder = open_folder()
        observer.session_started(scenario, plan, folder)
        walk, error = _Walk(plan, judge, wanted), None
        try:
            with services.started(scenario.services, folder, stop) as running:
                walk.to_the_end(_bench(scenario, folder, stop, observer, wanted, running))
        except InterruptedRunError:
            pass
        except LoopbenchError as problem:
            error = problem
        except OSError as problem:
            error = _lost_on_disk(problem, folder)
    return SessionOutcome(folder, walk.finished, walk.wanted_runs, stop.signal_number, error)


def new_session(scenario: Scenario, plan: Plan, results: Path, wanted: Wanted) -> Path:
    """A folder for a session, with its `session.json`.

    Raises:
        EnvironmentRefusedError: results cannot be written.
    """
    folder = store.new_session_folder(results / scenario.name)
    store.write_session(folder, describe(scenario, plan, quick=wanted.quick, explain=wanted.explain))
    return folder


def _lost_on_disk(problem: OSError, folder: Path) -> EnvironmentRefusedError:
    """The run under way is lost and not tried again: after a failed write nobody knows what the disk holds."""
    return EnvironmentRefusedError(
        f"the run under way is lost: {problem.strerror or type(problem).__name__}",
        slug="results-lost",
        where=str(problem.filename or folder),
        hints=("make room, or mend the folder; then the same command with --resume", f"loopbench report {folder}"),
    )


def _bench(  # noqa: PLR0913  what a session's runs share
    scenario: Scenario, folder: Path, stop: StopWish, observer: Observer, wanted: Wanted, running: RunningServices
) -> Bench:
    cores = machine.divide_cores(machine.available_cores(), scenario.load.generators)
    return Bench(
        scenario=scenario,
        folder=folder,
        cores=cores if scenario.target.pin else cores.shared,
        spread=spread_of(scenario),
        stop=stop,
        observer=observer,
        explain=wanted.explain,
        services=running,
        secrets=secret_values(scenario, os.environ),
    )


class _Walk:
    """Where in the plan a session stands."""

    def __init__(self, plan: Plan, judge: Judge, wanted: Wanted) -> None:
        self._plan = plan
        self._judge = judge
        self._ends_s = None if wanted.max_minutes is None else time.monotonic() + 60 * wanted.max_minutes
        self._hopeless: set[str] = set()
        self.finished = 0
        self.wanted_runs = sum(1 for run in plan.runs if run.round <= plan.fewest_rounds)

    def to_the_end(self, bench: Bench) -> None:
        """Pictures, then rounds."""
        for run in self._plan.pictures:
            if not self._time_for(bench, [run]):
                return
            self._measure(bench, run)
        for number, runs in enumerate(self._plan.rounds, 1):
            if not self._time_for(bench, runs):
                return
            for run in runs:
                self._measure(bench, run)
            standing = self._judge.standing(bench.folder)
            bench.observer.round_finished(number, standing)
            if standing.enough and number >= self._plan.fewest_rounds:
                return

    def _time_for(self, bench: Bench, runs: Sequence[PlannedRun]) -> bool:
        """Whether these runs fit into the time that was given; those that are complete already take none."""
        needed_s = sum(run.expected_s for run in runs if not _is_complete(bench, run))
        if self._ends_s is None or not needed_s or time.monotonic() + needed_s <= self._ends_s:
            return True
        bench.observer.time_is_up(needed_s)
        return False

    def _measure(self, bench: Bench, run: PlannedRun) -> None:
        """One line of the plan; nothing to do when it is complete already."""
        if not _is_complete(bench, run):
            self._measure_until_valid(bench, run)
            _know_the_generator(bench)
        self.finished += 1

    def _measure_until_valid(self, bench: Bench, run: PlannedRun) -> None:
        """Again if it came out INVALID by a disturbance; the last attempt counts whatever it is."""
        repeatable = run.round != OUTSIDE_ROUNDS and run.variant not in self._hopeless
        for attempts_left in reversed(range(MOST_ATTEMPTS if repeatable else 1)):
            bench.stop.check()
            measured = _measured_without_pause(bench, run, self._least_window_s(bench, run))
            faults = self._judge.faults(measured.folder, bench.folder) if repeatable else ()
            if not faults or not attempts_left:
                break
            bench.observer.run_repeated(run, faults)
        if faults:
            self._hopeless.add(run.variant)
        commit_run(bench, run, measured)

    def _least_window_s(self, bench: Bench, run: PlannedRun) -> float:
        return self._judge.least_window_s(bench.folder, run) if run.kind in (KIND_PLATEAU, KIND_STEPS) else 0.0


def _measured_without_pause(bench: Bench, run: PlannedRun, least_window_s: float) -> MeasuredRun:
    """Again as often as Ctrl-Z came in between: a run that stood still is no attempt, and its failure no failure."""
    while True:
        pauses = bench.stop.pauses
        try:
            measured = _measured(bench, run, least_window_s)
        except LoopbenchError:
            if pauses == bench.stop.pauses:
                raise
        if pauses == bench.stop.pauses:
            return measured
        bench.observer.run_repeated(run, (PAUSED,))


def _measured(bench: Bench, run: PlannedRun, least_window_s: float) -> MeasuredRun:
    return measure_timeline(bench, run) if run.kind == KIND_TIMELINE else measure_run(bench, run, least_window_s)


def _know_the_generator(bench: Bench) -> None:
    """Its own ceiling, once a session; after the first run, so that a target that does not start is told at once."""
    client, pauses = bench.scenario.load.user, bench.stop.pauses
    own_ceiling(bench.folder, client=client, spread=bench.spread, cores=bench.cores, stop=bench.stop)
    if pauses != bench.stop.pauses:
        (bench.folder / CEILING_FILE).unlink(missing_ok=True)
        _know_the_generator(bench)


def _is_complete(bench: Bench, run: PlannedRun) -> bool:
    return store.run_path(bench.folder, run.folder).is_dir()
