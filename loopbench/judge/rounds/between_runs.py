"""The judgements a session needs while it is under way: is this run to be repeated, are there rounds enough?"""

from pathlib import Path
from typing import NamedTuple

from loopbench.judge.rounds.plateau_run import judge_plateau
from loopbench.judge.rounds.rounds import Rounds, judge_rounds
from loopbench.judge.run.run import Run, open_run
from loopbench.judge.stamp.open_session import open_session
from loopbench.judge.stamp.run_stamp import stamp_run
from loopbench.judge.stamp.stamp_rules import OUTCOMES
from loopbench.records.session import (
    KIND_PLATEAU,
    KIND_RAMP,
    read_session,
    rejected_folders,
    rejected_runs,
    run_folders,
)

RESPONSE_TIMES = 6.0
"""In a steady window: one more than rule D1 asks for, because no two runs are alike."""
MAX_WINDOW_S = 60.0


class RoundsStanding(NamedTuple):
    """How far the rounds have come."""

    enough: bool
    rounds_needed: int | None
    sentence: str


def least_window_s(session_folder: Path, variant: str) -> float:
    """Seconds a steady window with all users must last, so that each has had a handful of answers (rule D1).

    The variant's ramp has shown how long one takes with all users there, and so has every attempt that came out
    INVALID: otherwise the slow ones would be repeated until a fast one fits. 0 without a ramp. A loop blocked for 50 ms
    answers each of 100 users once in five seconds.

    Raises:
        DataError: a folder cannot be read.
    """
    record = read_session(session_folder)
    seen = [path for path in run_folders(session_folder) if path.name.endswith(f"-{KIND_RAMP}-{variant}")]
    if seen:
        names = zip(rejected_folders(session_folder), rejected_runs(session_folder), strict=True)
        seen += [path for path, name in names if name.endswith(f"-{KIND_PLATEAU}-{variant}")]
    responses_s = [_mean_response_s(open_run(path, record.scenario.variants)) for path in seen]
    return round(min(RESPONSE_TIMES * max(responses_s, default=0.0), MAX_WINDOW_S), 1)


def _mean_response_s(run: Run) -> float:
    """In the longest window; 0 without one, or without an answer in it."""
    window = max(run.windows, key=lambda phase: phase.width_s, default=None)
    return (None if window is None else run.mean_response_s(window)) or 0.0


def faults_of(run_folder: Path, session_folder: Path) -> tuple[str, ...]:
    """Why a run is to be repeated, a sentence each; nothing when it may stand, or when another would be no better.

    Raises:
        DataError: it cannot be read at all.
    """
    session = open_session(session_folder)
    stamp = stamp_run(open_run(run_folder, session.record.scenario.variants), session)
    return () if OUTCOMES & set(stamp.invalid_ids) else stamp.invalid_because


def rounds_standing(session_folder: Path) -> RoundsStanding:
    """Whether every declared comparison of goodput is narrow enough by now.

    Raises:
        DataError: a folder cannot be read.
    """
    session = open_session(session_folder)
    for name, problem in session.damaged.items():
        if f"-{KIND_PLATEAU}-" in name:
            raise problem
    scenario = session.record.scenario
    runs = tuple(
        judge_plateau(run, scenario.neighbours, stamp_run(run, session))
        for run in session.runs
        if run.record.kind == KIND_PLATEAU
    )
    rounds = judge_rounds(scenario, runs, len(rejected_runs(session_folder)))
    if rounds is None:
        return RoundsStanding(enough=False, rounds_needed=None, sentence="no round is complete")
    left = rounds.still_needed
    needed = None if left is None else rounds.count + left
    return RoundsStanding(left == 0, needed, _sentence(rounds, left))


def _sentence(rounds: Rounds, left: int | None) -> str:
    """The widest interval and what it takes to narrow it."""
    widest = rounds.goodput.half_width
    if widest is None:
        return "no interval yet"
    wanted = f"wanted +-{100 * rounds.precision:.2g} %"
    more = {None: "", 0: ", enough"}.get(left, f", about {left} more")
    return f"widest interval +-{100 * widest:.2g} % ({wanted}){more}"
