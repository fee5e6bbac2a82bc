"""Sessions of several scenarios in a row, for `atlas` and `map`: complete ones are kept, unfinished ones continue."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self, TextIO

from loopbench.commands.measuring import begin_session, new_seed, resume_session
from loopbench.console import print_error, say
from loopbench.errors import LoopbenchError, UsageError
from loopbench.measure.events import SessionEnded
from loopbench.measure.lock import if_busy_of
from loopbench.measure.resume import check_resumable, check_same_code
from loopbench.measure.store import run_path
from loopbench.plan import Plan, make_plan
from loopbench.progress import progress_on
from loopbench.records.session import run_folders, session_folders
from loopbench.scenario import Scenario
from loopbench.session import SessionOptions
from loopbench.showable import showable

GO_ON = "the same command again: what is complete is kept"


class Trouble(NamedTuple):
    """Why a scenario did not finish (empty: it did), and the command that helps."""

    why: str = ""
    remedy: str = ""


class MeasuredSession(NamedTuple):
    """The session of a scenario, and why it did not finish."""

    session: Path | None
    trouble: Trouble = Trouble()


STOPPED = Trouble("it was stopped by a signal", GO_ON)
TIME_IS_UP = Trouble("the time given was up", GO_ON)


class Series:
    """Measures scenarios one by one, until a signal comes or the time is up.

    Args:
        out: folder for the sessions.
        max_minutes: for all of them; None: no limit.
        quick: whether the scenarios were loaded in their quick form.
        wait: wait for another measurement to end.
        words: where to print.
    """

    def __init__(self, out: Path, max_minutes: float | None, *, quick: bool, wait: bool, words: TextIO) -> None:
        self._words, self._out, self._quick = words, out, quick
        self._if_busy = if_busy_of(wait=wait, no_lock=False)
        self._ends_s = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        self.interrupted: SessionEnded | None = None

    def visit(self, scenario: Scenario) -> MeasuredSession:
        """Keep a complete session of this scenario, continue an unfinished one, or begin one."""
        earlier = EarlierSessions.of(scenario, self._out)
        if earlier.complete is not None:
            say(f"kept: {showable(str(earlier.complete))}", self._words)
            return MeasuredSession(earlier.complete)
        left = None if self._ends_s is None else max(0.0, (self._ends_s - time.monotonic()) / 60)
        if self.interrupted is not None:
            return MeasuredSession(earlier.shown, STOPPED)
        if left == 0:
            return MeasuredSession(earlier.shown, TIME_IS_UP)
        try:
            ended = self._measured(scenario, earlier.unfinished, left)
        except LoopbenchError as error:
            print_error(error)
            return MeasuredSession(earlier.shown, Trouble(error.what, next(iter(error.hints), "")))
        return MeasuredSession(ended.folder if ended.finished_runs else earlier.shown, _trouble(ended))

    def _measured(self, scenario: Scenario, unfinished: Path | None, left_minutes: float | None) -> SessionEnded:
        """Continue a session if the apps have not changed; else begin one."""
        notify = progress_on(self._words)
        options = SessionOptions(quick=self._quick, max_minutes=left_minutes, if_busy=self._if_busy)
        if unfinished is not None and self._has_same_code(unfinished, scenario):
            ended = resume_session(scenario, unfinished, options, notify)
        else:
            ended = begin_session(scenario, new_seed(None), self._out, options, notify)
        notify(ended)
        if ended.interrupted_by is not None:
            self.interrupted = ended
        return ended

    def _has_same_code(self, session: Path, scenario: Scenario) -> bool:
        """Whether the session may continue; prints why not."""
        try:
            check_same_code(session, scenario)
        except UsageError as error:
            say(f"{showable(str(session))} is left as it is: {showable(error.what)}", self._words)
            return False
        return True


def _trouble(ended: SessionEnded) -> Trouble:
    if ended.error is not None:
        print_error(ended.error)
        return Trouble(ended.error.what, next(iter(ended.error.hints), ""))
    if ended.interrupted_by is not None:
        return STOPPED
    return TIME_IS_UP if ended.finished_runs < ended.planned_runs else Trouble()


class EarlierSessions(NamedTuple):
    """Earlier sessions of this scenario with these settings; None: there is none."""

    complete: Path | None  # the newest, if nothing of it is missing
    unfinished: Path | None  # the newest, if something is
    shown: Path | None  # the newest with a run in it

    @classmethod
    def of(cls, scenario: Scenario, out: Path) -> Self:
        """Search the folder of the results."""
        sessions = list(_sessions(scenario, out))
        shown = next((folder for folder, _ in sessions if any(run_folders(folder))), None)
        if not sessions:
            return cls(None, None, shown)
        newest, plan = sessions[0]
        return cls(newest, None, shown) if _is_complete(newest, plan) else cls(None, newest, shown)


def _sessions(scenario: Scenario, out: Path) -> Iterator[tuple[Path, Plan]]:
    """The newest first."""
    for session in reversed(list(session_folders(out / scenario.name))):
        try:
            seed = check_resumable(session, scenario, explain=False)
        except LoopbenchError:  # other settings, or damaged: a new one is measured beside it
            continue
        yield session, make_plan(scenario, seed)


def _is_complete(folder: Path, plan: Plan) -> bool:
    """Every run is there, or as many rounds as it takes and narrow enough."""
    from loopbench.judge.rounds.between_runs import rounds_standing

    missing = [run for run in plan.runs if not run_path(folder, run.folder).is_dir()]
    if any(run.round <= plan.fewest_rounds for run in missing):
        return False
    try:
        return not missing or rounds_standing(folder)[0]
    except LoopbenchError:  # a damaged run: its report names it, another round would not mend it
        return True
