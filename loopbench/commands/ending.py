"""How a command ends: with the error or signal that ended it early, or with its result. Decides every exit code."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import typer

from loopbench.console import print_error, say
from loopbench.errors import (
    CannotTellError,
    DataError,
    EnvironmentRefusedError,
    ExitCode,
    LoopbenchError,
    RegressionError,
)
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.session.session_report import SessionReport
    from loopbench.measure.events import SessionEnded

NO_RUN: Final = "no run is complete"
FINDINGS: Final = "read the findings and their advice above, or on the page"
INVALID: Final = "INVALID"
RESULTS: Final = (RegressionError, CannotTellError)
"""What a complete measurement can end with: a verdict, a gate or a stamp, and no mistake and no failure."""


def exit_code_of(error: LoopbenchError, *, exit_zero: bool = False) -> ExitCode:
    """Return the exit code of a command that ends with this error; with `exit_zero` a result is a success."""
    return ExitCode.OK if exit_zero and isinstance(error, RESULTS) else error.exit_code


def end_with_result(check: Callable[[], None], say_last: Callable[[], None], *, exit_zero: bool) -> None:
    """Print what a check of a result raises, then what is to stay last on the screen.

    Raises:
        typer.Exit: the check raised an error; with its exit code.
    """
    try:
        check()
    except LoopbenchError as error:
        print_error(error)
        say_last()
        raise typer.Exit(exit_code_of(error, exit_zero=exit_zero)) from None
    say_last()


def leave_if_ended_early(ended: "SessionEnded", say_last: Callable[[], None] = lambda: None) -> None:
    """End with the error or the signal that ended a session before its plan did.

    Args:
        ended: the session's end.
        say_last: prints what is to stay last on the screen; called before a signal ends the process.

    Raises:
        LoopbenchError: the error that ended the session.
    """
    kept = f"{ended.finished_runs} of {ended.planned_runs} runs are complete in {ended.folder}"
    if ended.error is not None:
        ended.error.kept = f"{kept}; {ended.error.kept}" if ended.error.kept else kept
        raise ended.error
    if ended.interrupted_by is not None:
        name = signal.Signals(ended.interrupted_by).name
        say(f"stopped by {name}: {kept}; the run under way does not count", sys.stderr)
        say(f"  try: the same command with --resume {ended.folder}", sys.stderr)
        if ended.finished_runs:
            say(f"  try: loopbench report {ended.folder}", sys.stderr)
        say_last()
        end_by(ended.interrupted_by)


def check_any_run(ended: "SessionEnded") -> None:
    """Check that a session whose time was up has a run.

    Raises:
        CannotTellError: it has none.
    """
    if not ended.finished_runs:
        raise CannotTellError(
            "nothing was measured: no run fits into the time",
            slug="no-time",
            where=str(ended.folder),
            hints=(
                "a larger --max-minutes: `loopbench plan` says how long each run takes",
                "shorter runs: load.hold_s",
            ),
        )


def end_by(number: int) -> None:
    """End this process by the signal that ended its measurement, so that a shell loop around it stops too."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@contextmanager
def leaving_at_a_signal(folder: Path) -> Iterator[None]:
    """While a session is drawn, a signal ends the process at once, after one line on what is kept."""
    from loopbench.measure.stop import SIGNALS, write_plainly

    def leave(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        kept = f"stopped by {name} while drawing: everything measured is kept"
        write_plainly(f"{kept}\n  try: loopbench report {showable(str(folder))}")
        end_by(number)

    handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, leave) for number in handled}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def not_drawn(folder: Path, problem: OSError) -> EnvironmentRefusedError:
    """Returns the error for a session that was measured but cannot be drawn."""
    return EnvironmentRefusedError(
        f"the page and the charts cannot be written: {problem.strerror or type(problem).__name__}",
        slug="not-drawn",
        where=str(problem.filename or folder),
        kept=f"everything measured is in {folder}",
        hints=(f"loopbench report {folder}",),
    )


def check_valid(judged: "SessionReport", *, strict: bool = False) -> None:
    """Raise the doubts about a drawn session, then the results of its gates.

    Raises:
        DataError: runs are damaged.
        CannotTellError: the session is INVALID, or with `strict` DEGRADED; or a gate has no result.
        RegressionError: a gate is not met, and all have a result.
    """
    where = str(judged.folder)
    if judged.damaged:
        raise DataError(
            "; ".join(judged.damaged),
            slug="runs-damaged",
            where=where,
            kept=f"the other {len(judged.records)} runs are drawn",
        )
    if doubtful := doubts(judged):
        raise CannotTellError(
            f"INVALID, the figures are not to be trusted: {'; '.join(doubtful)}",
            slug="invalid",
            where=where,
            kept="every run stays, and is drawn with its findings",
            hints=(FINDINGS,),
        )
    if doubtful := doubts(judged, strict=strict):
        what = f"{judged.stamp.label}, which --strict does not accept: {'; '.join(doubtful)}"
        raise CannotTellError(what, slug="degraded", where=where, hints=(FINDINGS,))
    _check_gates(judged)


def doubts(judged: "SessionReport", *, strict: bool = False) -> tuple[str, ...]:
    """Return why a session is INVALID, or with `strict` DEGRADED; the health of its targets is no reason."""
    nothing = [NO_RUN] if judged.is_empty else []
    because = judged.stamp.invalid_because if judged.stamp.label == INVALID else ()
    lowered = [fault.sentence for fault in judged.stamp.faults] if strict else []
    return tuple(dict.fromkeys([*nothing, *(because or lowered)]))


def _check_gates(judged: "SessionReport") -> None:
    """A gate without a result wins over one that is not met: the exit code must not claim more than is known."""
    from loopbench.judge.session.gates import Outcome

    where = str(judged.folder)
    broken = [gate.sentence for gate in judged.gates if gate.outcome is Outcome.NOT_MET]
    undecided = [gate.sentence for gate in judged.gates if gate.outcome is Outcome.CANNOT_TELL]
    if undecided:
        hint = "docs/ci.md lists what each figure needs"
        raise CannotTellError("; ".join([*broken, *undecided]), slug="gate-untold", where=where, hints=(hint,))
    if broken:
        raise RegressionError("; ".join(broken), slug="gate", where=where, hints=("the page shows why, and the line",))
