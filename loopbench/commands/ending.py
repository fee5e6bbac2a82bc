"""With what a command leaves that has drawn a session: what ended it early, or what keeps it from being trusted."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from loopbench.console import say
from loopbench.errors import CannotTellError, DataError

if TYPE_CHECKING:
    from loopbench.judge.session_report import SessionReport
    from loopbench.measure.session import SessionOutcome

SPOILS_THE_PICTURE: Final = frozenset({"T1", "T2", "C1", "C2", "C3", "B0", "G1"})
"""Rules that make a ramp run INVALID for what it is: the wrong target, lost requests, a generator without a core left.

The others (a restless machine, a short window) keep it from being compared, and a picture compares nothing: they are
printed with it. Rounds are held to every rule, by their verdicts.
"""


def leave_if_ended_early(outcome: "SessionOutcome") -> None:
    """Leave with what ended a session before its plan did: an error, or a signal."""
    kept = f"{outcome.finished_runs} of {outcome.planned_runs} runs are complete in {outcome.folder}"
    if outcome.error is not None:
        outcome.error.kept = f"{kept}; {outcome.error.kept}" if outcome.error.kept else kept
        raise outcome.error
    if outcome.interrupted_by is not None:
        name = signal.Signals(outcome.interrupted_by).name
        say(f"stopped by {name}: {kept}; the run under way does not count", sys.stderr)
        say(f"  try: the same command with --resume {outcome.folder}", sys.stderr)
        if outcome.finished_runs:
            say(f"  try: loopbench report {outcome.folder}", sys.stderr)
        signal.signal(outcome.interrupted_by, signal.SIG_DFL)
        os.kill(os.getpid(), outcome.interrupted_by)  # so that a shell loop around us stops too


def refuse_doubt(judged: "SessionReport") -> None:
    """Raise what keeps a drawn session from being trusted.

    Raises:
        DataError: runs are damaged.
        CannotTellError: INVALID, as far as the session claims anything.
    """
    where = str(judged.folder)
    if judged.damaged:
        raise DataError(
            "; ".join(judged.damaged),
            slug="runs-damaged",
            where=where,
            kept=f"the other {len(judged.runs)} runs are drawn",
        )
    doubts = [*_spoiled_pictures(judged), *_invalid_verdicts(judged)]
    if doubts:
        raise CannotTellError(
            f"INVALID, the figures are not to be trusted: {'; '.join(dict.fromkeys(doubts))}",
            slug="invalid",
            where=where,
            hints=("read the findings and their advice above, or on the page",),
        )


def _spoiled_pictures(judged: "SessionReport") -> list[str]:
    return [
        f"{run.variant.name}: {finding.sentence}"
        for run in judged.runs
        for finding in run.stamp.faults
        if finding.id in SPOILS_THE_PICTURE and finding.level.label == "INVALID"
    ]


def _invalid_verdicts(judged: "SessionReport") -> list[str]:
    """Of goodput: without it nothing was answered. A tail that is too short to be known is no fault."""
    if judged.rounds is None:
        return []
    return [verdict.sentence for verdict in judged.rounds.goodput.verdicts if verdict.word == "INVALID"]
