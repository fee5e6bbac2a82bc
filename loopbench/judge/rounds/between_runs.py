"""The judgements a session needs while it is under way: is this run to be repeated, are there rounds enough?"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from loopbench.judge.figures import half_width, plural, ratio
from loopbench.judge.rounds.plateau_run import judge_plateau
from loopbench.judge.rounds.rounds import Rounds, judge_rounds
from loopbench.judge.run.run import Run, open_run
from loopbench.judge.stamp.open_session import open_session, stamp_run
from loopbench.judge.statistics.verdict import Verdict, Word
from loopbench.records.codec import foreign_content
from loopbench.records.failures import SLOW, VariantFailure
from loopbench.records.session import (
    KIND_PLATEAU,
    KIND_RAMP,
    Phase,
    read_session,
    rejected_folders,
    rejected_runs,
    run_folders,
)
from loopbench.scenario import Scenario
from loopbench.showable import showable

RESPONSE_TIMES = 6.0  # in a steady window: one more than rule D2 asks for, because no two runs are alike
WELL = 1.01  # a model's good answers are at most so many times as far apart as all of its answers
MAX_PAIRS = 3  # in a sentence
MAX_WINDOW_S = 30.0  # a window that would have to be longer stays as it is: its answers bound the rate within seconds


def least_window_s(session_folder: Path, variant: str) -> float:
    """Seconds a steady window with all users must last, so that each has had a handful of answers (rule D2).

    0 without a ramp, and where even `MAX_WINDOW_S` would be too short. A loop blocked for 50 ms answers each of 100
    users once in five seconds.
    """
    wanted_s = RESPONSE_TIMES * response_s(session_folder, variant)
    return round(wanted_s, 1) if wanted_s <= MAX_WINDOW_S else 0.0


def response_s(session_folder: Path, variant: str) -> float:
    """Mean response time with all users there, as the variant's ramp has shown it; 0 without a ramp.

    INVALID attempts count too: otherwise the slow ones would be repeated until a fast one fits.
    """
    with foreign_content(session_folder):
        shown = _shown(session_folder, variant)
        return max((run.mean_response_s(window) or 0.0 for run, window in shown), default=0.0)


def cycle_s(session_folder: Path, variant: str, *, good: bool = False) -> float:
    """How long a user takes from one request to the next, waits included (N / X), from the same runs.

    0: unknown; infinite: no user got an answer. `good`: from one good answer to the next.
    """
    with foreign_content(session_folder):
        return max((_cycle_s(*each, good=good) for each in _shown(session_folder, variant)), default=0.0)


def too_slow(session_folder: Path, scenario: Scenario) -> Iterator[VariantFailure]:
    """Yield the variants that are more than `[repeat] max_times_slower` than the baseline, or else the fastest one.

    Good answers count. A variant that fails at once is fast and no model: beside a failing baseline none is too slow.
    """
    if scenario.repeat.max_times_slower is None:
        return
    variants = scenario.repeated_variants
    good_s = {each.name: cycle_s(session_folder, each.slug, good=True) for each in variants}
    all_s = {each.name: cycle_s(session_folder, each.slug) for each in variants}
    models = {name: cycle for name, cycle in good_s.items() if 0 < cycle < math.inf and cycle <= WELL * all_s[name]}
    model = scenario.baseline or min(models, key=models.__getitem__, default="")
    most_s = scenario.repeat.max_times_slower * models.get(model, math.inf)
    for name, taken_s in good_s.items():
        if taken_s > most_s:
            took = "no user got a good answer"
            took = f"each user got a good answer in {taken_s:.2g} s" if math.isfinite(taken_s) else took
            yield VariantFailure(name, SLOW, f"in its ramp {took}, {model}: in {models[model]:.2g} s", "")


def _cycle_s(run: Run, window: Phase, *, good: bool) -> float:
    answers = np.count_nonzero(run.good_within(window) if good else run.within(window))
    return float(run.occupation[window].users * window.width_s / answers) if answers else math.inf


def _shown(session_folder: Path, variant: str) -> Iterator[tuple[Run, Phase]]:
    """Yield the runs that have shown a variant with all users, each with its longest window."""
    record = read_session(session_folder)
    seen = [path for path in run_folders(session_folder) if _is_of(path.name, KIND_RAMP, variant)]
    if seen:
        names = zip(rejected_folders(session_folder), rejected_runs(session_folder), strict=True)
        seen += [path for path, name in names if _is_of(name, KIND_PLATEAU, variant)]
    for path in seen:
        run = open_run(path, record.scenario.variants)
        if run.windows:
            yield run, max(run.windows, key=lambda phase: phase.width_s)


def _is_of(name: str, kind: str, variant: str) -> bool:
    """Whether a run's folder, `0002-ramp-def`, is of this kind and variant. A slug may end as another one does."""
    return name.partition("-")[2] == f"{kind}-{variant}"


def faults_of(run_folder: Path, session_folder: Path) -> tuple[str, ...]:
    """Why a run is to be repeated, a sentence each; nothing when it may stand. A sick target is no reason."""
    with foreign_content(run_folder):
        session = open_session(session_folder)
        return stamp_run(open_run(run_folder, session.record.scenario.variants), session).invalid_because


def rounds_standing(session_folder: Path) -> tuple[bool, int | None, str]:
    """Whether every declared comparison of goodput is narrow enough, the rounds that takes in all, and a sentence."""
    with foreign_content(session_folder):
        return _standing(session_folder)


def _standing(session_folder: Path) -> tuple[bool, int | None, str]:
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
    rounds = judge_rounds(scenario.without(session.failures.names), runs, len(rejected_runs(session_folder)))
    if rounds is None:
        return False, None, "no round is complete"
    left = rounds.still_needed
    needed = None if left is None else rounds.count + left
    return left == 0, needed, _sentence(rounds, left)


def _sentence(rounds: Rounds, left: int | None) -> str:
    """The standing verdict and what is still needed, the ratio of each pair so far, and the widest interval."""
    if all(verdict.word is Word.INVALID for verdict in rounds.goodput.verdicts):
        return "every pair is INVALID so far"
    ratios = [shown for verdict in rounds.goodput.verdicts if (shown := _ratio(verdict))]
    more = [f"{plural(len(ratios) - MAX_PAIRS, 'more pair')}"] * (len(ratios) > MAX_PAIRS)
    return "; ".join([_standing_verdict(rounds, left), *ratios[:MAX_PAIRS], *more, _width(rounds, left)])


def _standing_verdict(rounds: Rounds, left: int | None) -> str:
    """`not resolved yet, about 2 more rounds`; for several pairs, how many of them."""
    words = [verdict.word for verdict in rounds.goodput.verdicts]
    if Word.NOT_RESOLVED in words:
        some = f"{words.count(Word.NOT_RESOLVED)} of {len(words)} pairs " if len(words) > 1 else ""
        verdict = f"{some}not resolved yet"
    else:
        verdict = "resolved"
    aim = "" if Word.NOT_RESOLVED in words else " for the wanted precision"
    more = {None: "", 0: ", precise enough"}.get(left, f", about {plural(left or 0, 'more round')}{aim}")
    return verdict + more


def _ratio(verdict: Verdict) -> str:
    """`a 1.42 times b [1.28, 1.58]`; empty where there is no interval yet."""
    a, b, ends = showable(verdict.comparison.a), showable(verdict.comparison.b), verdict.shown_interval
    if verdict.bound:
        return f"{a} against {b}: {verdict.bound}"
    if verdict.shown_ratio is None or ends is None:
        return ""
    return f"{a} {ratio(verdict.shown_ratio)} times {b} [{ratio(ends[0])}, {ratio(ends[1])}]"


def _width(rounds: Rounds, left: int | None) -> str:
    widest = rounds.goodput.half_width
    if widest is None:
        return "bounded by the counts so far" if left == 0 else "no interval yet"
    return f"widest interval +-{half_width(widest)} (wanted +-{half_width(rounds.precision)})"
