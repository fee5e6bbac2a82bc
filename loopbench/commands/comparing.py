"""`loopbench compare`: two sessions, or two revisions of an app measured in the same rounds."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopbench.commands.measuring import begin_session, new_seed
from loopbench.commands.options import (
    ExitZero,
    NoLock,
    Out,
    Overrides,
    Rounds,
    Seed,
    Wait,
    earlier_session,
    sessions_or_scenarios,
)
from loopbench.console import Speech
from loopbench.errors import CannotTellError, RegressionError, UsageError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.compare.comparison import Changed, Comparing
    from loopbench.scenario import Scenario
    from loopbench.session import SessionOptions

TWO = 2


def compare(  # noqa: PLR0913  one parameter an option
    what: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B | SCENARIO",
            help="Two sessions, by folder or baseline; or a scenario, with --rev twice.",
            autocompletion=sessions_or_scenarios,
        ),
    ],
    *,
    rev: Annotated[
        list[str] | None,
        typer.Option(metavar="REV", help="A git revision of the app, the older one first; `.`: the files as they are."),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also compare sessions that differ in machine, versions or load.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=0, max=10, help="A loss is a regression if its whole interval is beyond this.")
    ] = 0.10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="With --rev: start no round that would end later.")
    ] = None,
    wait: Wait = False,
    no_lock: NoLock = False,
    exit_zero: ExitZero = False,
    out: Out,
) -> None:
    """Compare two sessions, or two revisions of an app.

    Exit code 1: a regression is shown; 0: none is shown; 3: the measurement cannot tell.
    """
    from loopbench.commands.ending import end_with_result
    from loopbench.measure.lock import if_busy_of
    from loopbench.scenario import load
    from loopbench.session import SessionOptions

    speech = Speech(as_json=as_json)
    if rev is None:
        found = _compare_folders(what, tolerance, anyway=anyway)
    elif len(what) != 1 or len(rev) != TWO:
        raise UsageError(
            f"--rev takes one scenario and two revisions, here {len(what)} and {len(rev)}",
            slug="compare-arguments",
            hints=("loopbench compare SCENARIO --rev main --rev HEAD",),
        )
    else:
        question = load(what[0], tuple(override or ()), rounds=rounds)
        options = SessionOptions(max_minutes=max_minutes, if_busy=if_busy_of(wait=wait, no_lock=no_lock))
        found = _measure_revisions(question, rev, tolerance, new_seed(seed), out, options, speech, exit_zero=exit_zero)
    _print(found, speech)
    end_with_result(lambda: _check(found), lambda: None, exit_zero=exit_zero)


def _compare_folders(what: list[Path], tolerance: float, *, anyway: bool) -> "Comparing":
    from loopbench.judge.compare.comparison import compare_sessions
    from loopbench.judge.compare.session_figures import figures_of
    from loopbench.judge.session.session_report import judge_session

    if len(what) != TWO:
        raise UsageError(
            f"two sessions are compared, here are {len(what)}",
            slug="compare-arguments",
            hints=("loopbench compare DIR_BEFORE DIR_AFTER", "loopbench compare SCENARIO --rev main --rev HEAD"),
        )
    folders = [
        earlier_session(each, other.resolve().parent if other.is_dir() else None)
        for each, other in zip(what, what[::-1], strict=True)
    ]
    before, after = (figures_of(judge_session(folder)) for folder in folders)
    found = compare_sessions(before, after, tolerance)
    refusals = [each.sentence for each in found.unlike if each.refuses]
    if refusals and not anyway:
        raise UsageError(
            f"the two sessions differ in more than the code: {'; '.join(refusals[:8])}"
            + (f"; and {len(refusals) - 8} more" if len(refusals) > 8 else ""),
            slug="unlike-sessions",
            where=f"{folders[0]} and {folders[1]}",
            hints=("measure both under the same conditions", "--anyway, if that difference is what you compare"),
        )
    return found


def _measure_revisions(  # noqa: PLR0913  one parameter an option
    question: "Scenario",
    labels: list[str],
    tolerance: float,
    seed: int,
    out: Path,
    options: "SessionOptions",
    speech: Speech,
    *,
    exit_zero: bool,
) -> "Comparing":
    """Measure both in the same rounds of one session."""
    from loopbench.commands.ending import check_any_run, end_with_result, leave_if_ended_early
    from loopbench.commands.reporting import draw
    from loopbench.judge.compare.comparison import compare_revisions
    from loopbench.judge.compare.session_figures import figures_of
    from loopbench.measure.revisions import at, at_revisions, checked_out
    from loopbench.progress import progress_on

    with checked_out(question, labels) as (before, after):
        notify = progress_on(speech.words)
        options = replace(options, checkouts=before.checkouts | after.checkouts)
        ended = begin_session(at_revisions(question, (before, after)), seed, out, options, notify)
        notify(ended)
        judged = draw(ended.folder, speech) if ended.finished_runs else None
    leave_if_ended_early(ended)
    end_with_result(lambda: check_any_run(ended), lambda: None, exit_zero=exit_zero)
    assert judged is not None, "it has a run"
    pairs = {each.name: (at(each.name, before.label), at(each.name, after.label)) for each in question.variants}
    return compare_revisions(figures_of(judged), pairs, before.described, after.described, tolerance)


def _print(found: "Comparing", speech: Speech) -> None:
    speech.give(json.dumps(_values(found), indent=1, allow_nan=False))
    for line in () if speech.as_json else _lines(found):
        speech.answer(showable(line))


def _check(found: "Comparing") -> None:
    """Raise what a comparison shows.

    Raises:
        CannotTellError: a difference cannot be judged.
        RegressionError: a variant is slower by more than the tolerance.
    """
    if found.regressions:
        from loopbench.judge.figures import percent

        losses = "; ".join(each.verdict.sentence for each in found.regressions)
        raise RegressionError(f"slower by more than {percent(found.tolerance)}: {losses}", slug="regression")
    if found.undecided or not found.changed:
        reasons = [f"{each.variant}: {each.verdict.sentence}" for each in found.undecided] or ["no variant is in both"]
        raise CannotTellError(
            f"the measurement cannot tell: {'; '.join(reasons)}",
            slug="compare",
            hints=("measure more rounds: --rounds",),
        )


def _lines(found: "Comparing") -> Iterator[str]:
    from loopbench.judge.figures import percent

    yield f"before  {found.before}"
    yield f"after   {found.after}"
    for each in found.unlike:
        yield f"unlike  {each.sentence}"
    if found.drift is not None:
        yield f"the machine itself: {percent(math.expm1(found.drift), '.1f')} apart; every interval is wider by that"
    for name in found.only_in_one:
        yield f"only in one of them: {name}"
    for changed in found.changed:
        yield ""
        yield f"{changed.change}: {changed.verdict.sentence}"
        yield from _why(changed)


def _why(changed: "Changed") -> Iterator[str]:
    """Yield the diagnosis of a regression, and its line of code."""
    if changed.change == "REGRESSION" and changed.diagnosis is not None:
        yield f"    {changed.diagnosis.sentence}"
        if changed.diagnosis.guilty is not None:
            yield f"    {changed.diagnosis.guilty.place}"


def _values(found: "Comparing") -> dict[str, Any]:
    return {
        "format": 1,
        "before": found.before,
        "after": found.after,
        "tolerance": found.tolerance,
        "machine_drift": found.drift,
        "unlike": [
            {"fact": each.fact, "before": each.a, "after": each.b, "refuses": each.refuses} for each in found.unlike
        ],
        "only_in_one": list(found.only_in_one),
        "changes": [_change_values(each) for each in found.changed],
    }


def _change_values(changed: "Changed") -> dict[str, Any]:
    from loopbench.judge.figures import finite

    verdict, diagnosis = changed.verdict, changed.diagnosis
    return {
        "variant": changed.variant,
        "quantity": verdict.quantity.name,
        "change": str(changed.change),
        "verdict": str(verdict.word),
        "ratio": verdict.shown_ratio,
        "interval": finite(verdict.shown_interval),
        "reason": verdict.reason,
        "diagnosis": None if diagnosis is None else str(diagnosis.kind),
        "line": None if diagnosis is None or diagnosis.guilty is None else diagnosis.guilty.place,
    }
