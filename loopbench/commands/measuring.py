"""Commands that start processes: run, plan, doctor, worker, serve, ui."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench import bundled
from loopbench.commands.gating import Gating
from loopbench.commands.options import (
    Anyway,
    AsJson,
    Baseline,
    CodeQuality,
    ExitZero,
    Junit,
    MaxMinutes,
    NoLock,
    Out,
    Overrides,
    Quick,
    Quiet,
    Rounds,
    Sarif,
    SaveBaseline,
    ScenarioFile,
    Seed,
    Strict,
    Wait,
    chosen,
    earlier_session,
    session_folders,
)
from loopbench.commands.project import project_minutes
from loopbench.console import Speech, say, table_lines
from loopbench.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from loopbench.measure.events import Notify, SessionEnded
    from loopbench.plan import Plan
    from loopbench.scenario import Scenario
    from loopbench.session import SessionOptions

DOCTOR_LINE_S = 10.0


def run(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    max_minutes: MaxMinutes = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Exact times inside the app; costs all variants a few percent.")
    ] = False,
    out: Out,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Continue this session: same scenario, seed and plan.",
            autocompletion=session_folders,
        ),
    ] = None,
    wait: Wait = False,
    no_lock: NoLock = False,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append one JSON object for each event (docs/events.md).")
    ] = None,
    baseline: Baseline = None,
    anyway: Anyway = False,
    junit: Junit = None,
    sarif: Sarif = None,
    code_quality: CodeQuality = None,
    save_baseline: SaveBaseline = None,
    strict: Strict = False,
    exit_zero: ExitZero = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure every variant of a scenario and draw what happened.

    In a FastAPI project without a scenario it first writes scenario.toml, as init does.
    """
    from loopbench.commands.starting import chosen_or_first
    from loopbench.events import EventLog, to_each
    from loopbench.measure.lock import if_busy_of
    from loopbench.plan import make_plan
    from loopbench.progress import progress_on, time_note
    from loopbench.scenario import load
    from loopbench.session import SessionOptions

    speech = Speech(as_json=as_json, quiet=quiet)
    file = chosen(scenario) if resume else chosen_or_first(scenario, speech, quick=quick)
    question = load(file, tuple(override or ()), quick=quick, rounds=rounds)
    before = baseline and earlier_session(baseline, resume.resolve().parent if resume else out / question.name)
    gating = Gating(before, anyway, junit, sarif, code_quality, save_baseline, strict, exit_zero)
    gating.check()
    if_busy = if_busy_of(wait=wait, no_lock=no_lock)
    limit = project_minutes() if max_minutes is None else max_minutes
    options = SessionOptions(quick=quick, explain=explain, max_minutes=limit, if_busy=if_busy)
    notify = to_each(progress_on(speech.words), *([EventLog(events)] if events else []))
    if resume:
        ended = resume_session(question, resume, options, notify)
    else:
        seed = new_seed(seed)
        if limit is not None and (note := time_note(make_plan(question, seed), limit)):
            speech.say(f"note: {note}")
        ended = begin_session(question, seed, out, options, notify)
    _report_and_end(ended, speech, gating, notify)


def demo(*, quick: Quick = False, wait: Wait = False, out: Out) -> None:
    """Measure the bundled example: writing a file, four ways.

    It takes at most 20 minutes, with --quick about two.
    """
    run(bundled.SCENARIOS / "file_write.toml", quick=quick, max_minutes=19, wait=wait, out=out)


def plan(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    as_json: AsJson = False,
) -> None:
    """Print which runs there would be, in which order, and how long."""
    from loopbench.forecast import plan_values
    from loopbench.measure.interpreter import python_of, server_sentence
    from loopbench.plan import make_plan
    from loopbench.progress import minutes, plan_sentence
    from loopbench.scenario import load
    from loopbench.showable import showable

    question = load(chosen(scenario), tuple(override or ()), quick=quick, rounds=rounds)
    planned = make_plan(question, new_seed(seed))
    if as_json:
        say(json.dumps(plan_values(question, planned), indent=1), raw=True)
        return
    rows = [
        (
            str(each.number),
            each.kind,
            f"round {each.round}" if each.round else "",
            each.variant,
            minutes(each.expected_s),
        )
        for each in planned.runs
    ]
    for line in table_lines((), rows):
        say(line)
    say(plan_sentence(question, planned))
    for variant in question.variants:
        if variant.moves:
            say(f"{showable(variant.name)}: {variant.moves}")
    for sentence in _foreseen(question):
        say(f"note: {sentence}")
    local = [each.served for each in question.variants if each.served.url is None]
    for served in dict.fromkeys((python_of(question, each), each.command or each.server) for each in local):
        say(f"served by {server_sentence(*served)}")


def _foreseen(question: "Scenario") -> Iterator[str]:
    """Yield what will degrade a session of this scenario on any machine."""
    from loopbench.judge.stamp.stamp_rules import CHECKS

    if not (repeat := question.repeat).max_rounds:
        return
    least_s, fewest = CHECKS["window_s"].degraded, CHECKS["rounds"].degraded
    if question.isolated_because and least_s is not None and repeat.window_s < least_s:
        yield f"repeat.window_s = {repeat.window_s:g} is below {least_s:g} s: every run of the rounds will be DEGRADED"
    if fewest is not None and repeat.max_rounds < fewest:
        yield f"{repeat.max_rounds} rounds are fewer than {fewest:g}: few verdicts and no claim can be decided"


def doctor(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to measure.")] = 60,
    wait: Wait = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Out,
) -> None:
    """Measure how steady this machine is, and print what would help.

    Also: how many rounds a 5 % answer takes on it. Exit code 6: it is unfit.
    """
    from loopbench.judge.doctor.fitness import fitness_json, judge_fitness
    from loopbench.judge.doctor.fitness_rules import Fit
    from loopbench.measure.doctor import examine
    from loopbench.measure.lock import if_busy_of, one_at_a_time
    from loopbench.progress import every

    speech = Speech(as_json=as_json)
    speech.say(f"measuring this machine for {seconds:g} s")
    with one_at_a_time(if_busy_of(wait=wait, no_lock=False), speech.say):
        seen = examine(seconds, out, every(DOCTOR_LINE_S, lambda s: speech.say(f"  {s:.0f} of {seconds:g} s")))
    fitness = judge_fitness(seen)
    speech.give(fitness_json(seen, fitness))
    for line in () if as_json else fitness.lines:
        speech.answer(line)
    if fitness.fit is Fit.UNFIT:
        reasons = "; ".join(each.subject for each in fitness.findings if each.fit is Fit.UNFIT)
        raise EnvironmentRefusedError(f"this machine is unfit to measure on: {reasons}", slug="unfit")


def worker(
    *,
    master: Annotated[
        str, typer.Option(help="Host or address of the machine that runs `loopbench run`.", show_default=False)
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of its master.")] = 5557,
) -> None:
    """Generate load for a measurement on another machine, until Ctrl-C."""
    from loopbench.measure.worker import serve_as_worker

    serve_as_worker(master, port, say)


def serve(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    loop: Annotated[str, typer.Option(help="asyncio or uvloop")] = "uvloop",
) -> None:
    """Serve the bundled target app on this machine, until Ctrl-C."""
    from loopbench.measure.bundled_server import serve_target_app

    serve_target_app(port, loop)


def ui(
    scenario: ScenarioFile = None,
    *,
    override: Overrides = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the web UI.")] = 8089,
) -> None:
    """Serve a scenario's target and Locust's web UI, until Ctrl-C."""
    from loopbench.measure.web_ui import serve_web_ui
    from loopbench.scenario import load

    serve_web_ui(load(chosen(scenario), tuple(override or ())), port, say)


def begin_session(
    question: "Scenario", seed: int, out: Path, options: "SessionOptions", notify: "Notify"
) -> "SessionEnded":
    """Measure a scenario in a new folder."""
    from loopbench.plan import check_length, make_plan
    from loopbench.session import new_session

    planned = make_plan(question, seed)
    check_length(planned, options.max_minutes)
    open_folder = partial(new_session, question, planned, out, options)
    return _measure(question, planned, open_folder, notify, options)


def resume_session(question: "Scenario", folder: Path, options: "SessionOptions", notify: "Notify") -> "SessionEnded":
    """Continue a session where it ended."""
    from loopbench.measure.resume import check_resumable, check_same_code
    from loopbench.plan import make_plan

    planned = make_plan(question, check_resumable(folder, question, explain=options.explain))
    check_same_code(folder, question)
    return _measure(question, planned, lambda: folder, notify, options)


def _measure(
    question: "Scenario", planned: "Plan", open_folder: Callable[[], Path], notify: "Notify", options: "SessionOptions"
) -> "SessionEnded":
    """Measure a plan; the session's folder gets its events, for `loopbench watch`."""
    from loopbench.events import SessionLog, to_each
    from loopbench.session import measure_session

    log = SessionLog()
    ended = measure_session(question, planned, open_folder, to_each(notify, log), options)
    log(ended)
    return ended


def _report_and_end(ended: "SessionEnded", speech: Speech, gating: Gating, notify: "Notify") -> None:
    """Draw what there is, then end with what ended the session early, or with its answer."""
    from loopbench.commands.ending import (
        check_any_run,
        end_with_result,
        leave_if_ended_early,
        leaving_at_a_signal,
        not_drawn,
    )
    from loopbench.commands.reporting import draw, end_with_answer, give_summary, say_answer, say_pointers

    judged = None
    try:
        with leaving_at_a_signal(ended.folder):
            notify(ended)
            if ended.finished_runs:
                judged = draw(ended.folder, speech, gating)
                give_summary(ended.folder, speech)
                gating.write_ci(judged)
                if ended.error is None and ended.interrupted_by is None:
                    gating.save(judged, speech)
    except Exception as problem:
        if ended.error is None:  # otherwise the error that ended the measurement is the one to report
            if isinstance(problem, OSError):
                raise not_drawn(ended.folder, problem) from None
            raise
        judged = None
    if judged is None:
        leave_if_ended_early(ended)
        end_with_result(lambda: check_any_run(ended), lambda: None, exit_zero=gating.exit_zero)
        return
    say_pointers(judged, speech)
    if ended.error is not None:
        say_answer(judged, speech)
    leave_if_ended_early(ended, partial(say_answer, judged, speech))
    end_with_answer(judged, speech, gating)


def new_seed(given: int | None) -> int:
    """Returns the given seed, or a random one."""
    return given if given is not None else int.from_bytes(os.urandom(4), "big")
