"""The judgements a session needs while it is under way: is this run to be repeated, are there rounds enough?"""

from pathlib import Path
from typing import NamedTuple

from loopbench.judge.rounds.plateau_run import PlateauRun, judge_plateau
from loopbench.judge.rounds.rounds import Rounds, judge_rounds
from loopbench.judge.run.load_view import load_view
from loopbench.judge.run.run_files import open_run
from loopbench.judge.stamp.canaries import Canaries, session_canaries
from loopbench.judge.stamp.run_stamp import stamp_run
from loopbench.judge.stamp.stamp_rules import OUTCOMES
from loopbench.records.session import (
    KIND_PLATEAU,
    KIND_RAMP,
    SessionRecord,
    read_session,
    rejected_folders,
    rejected_runs,
    run_folders,
)

RESPONSE_TIMES = 6.0
"""In a steady window: one more than rule D1 asks for, because no two runs are alike."""
LONGEST_WINDOW_S = 60.0


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
    responses_s = [load_view(open_run(path, record.scenario.variants)).mean_response_s or 0.0 for path in seen]
    return round(min(RESPONSE_TIMES * max(responses_s, default=0.0), LONGEST_WINDOW_S), 1)


def faults_of(run_folder: Path, session_folder: Path) -> tuple[str, ...]:
    """Why a run is to be repeated, a sentence each; nothing when it may stand, or when another would be no better.

    Raises:
        DataError: it cannot be read at all.
    """
    record = read_session(session_folder)
    files = open_run(run_folder, record.scenario.variants)
    stamp = stamp_run(files, record, session_canaries(session_folder))
    return () if OUTCOMES & set(stamp.invalid_ids) else stamp.invalid_because


def rounds_standing(session_folder: Path) -> RoundsStanding:
    """Whether every declared comparison of goodput is narrow enough by now.

    Raises:
        DataError: a folder cannot be read.
    """
    record = read_session(session_folder)
    canaries = session_canaries(session_folder)
    runs = tuple(
        _plateau(path, record, canaries) for path in run_folders(session_folder) if f"-{KIND_PLATEAU}-" in path.name
    )
    rounds = judge_rounds(record.scenario, runs, len(rejected_runs(session_folder)))
    if rounds is None:
        return RoundsStanding(enough=False, rounds_needed=None, sentence="no round is complete")
    left = rounds.still_needed
    needed = None if left is None else rounds.count + left
    return RoundsStanding(left == 0, needed, _sentence(rounds, left))


def _plateau(path: Path, record: SessionRecord, canaries: Canaries) -> PlateauRun:
    files = open_run(path, record.scenario.variants)
    return judge_plateau(files, record.scenario.neighbours, stamp_run(files, record, canaries))


def _sentence(rounds: Rounds, left: int | None) -> str:
    """The widest interval and what it takes to narrow it."""
    widest = rounds.goodput.half_width
    if widest is None:
        return "no interval yet"
    wanted = f"wanted +-{100 * rounds.precision:.2g} %"
    more = {None: "", 0: ", enough"}.get(left, f", about {left} more")
    return f"widest interval +-{100 * widest:.2g} % ({wanted}){more}"
