"""Commands that start processes: run, plan, doctor, worker, serve, ui."""

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench.commands.gating import Gating
from loopbench.commands.options import (
    RESULTS,
    Anyway,
    AsJson,
    Baseline,
    Junit,
    Overrides,
    Quick,
    Quiet,
    Rounds,
    ScenarioFile,
    Seed,
    chosen,
)
from loopbench.console import Speech, say

if TYPE_CHECKING:
    from loopbench.measure.events import Notify, SessionEnded
    from loopbench.measure.session import SessionJudge, SessionOptions
    from loopbench.scenario import Scenario


def run(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Start no run or round that would end later.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Exact times inside the app; costs all variants a few percent.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = RESULTS,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Continue this session: same scenario, seed and plan.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another measurement on this machine to end.")] = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Measure beside another measurement.")] = False,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append one JSON object for each event (docs/events.md).")
    ] = None,
    baseline: Baseline = None,
    anyway: Anyway = False,
    junit: Junit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure every variant of a scenario and draw what happened."""
    from loopbench.events import EventLog, to_each
    from loopbench.measure.lock import IfBusy
    from loopbench.measure.session import SessionOptions
    from loopbench.progress import progress_on
    from loopbench.scenario import load

    question = load(chosen(scenario), tuple(override or ()), quick=quick, rounds=rounds)
    gating = Gating(baseline, anyway, junit)
    gating.check()
    speech = Speech(as_json=as_json, quiet=quiet)
    if_busy = IfBusy.MEASURE_ANYWAY if no_lock else IfBusy.WAIT if wait else IfBusy.REFUSE
    options = SessionOptions(quick=quick, explain=explain, max_minutes=max_minutes, if_busy=if_busy)
    notify = to_each(progress_on(speech.words), *([EventLog(events)] if events else []))
    if resume:
        ended = resume_session(question, resume, options, notify)
    else:
        ended = begin_session(question, new_seed(seed), out, options, notify)
    _report_and_end(ended, speech, gating, notify)


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
    from loopbench.plan import make_plan
    from loopbench.progress import minutes, plan_sentence
    from loopbench.scenario import load

    question = load(chosen(scenario), tuple(override or ()), quick=quick, rounds=rounds)
    planned = make_plan(question, new_seed(seed))
    if as_json:
        say(json.dumps(asdict(planned) | {"shortest_s": planned.shortest_s, "longest_s": planned.longest_s}, indent=1))
        return
    for each in planned.runs:
        place = f"round {each.round}" if each.round else ""
        say(f"{each.number:>4}  {each.kind:<8} {place:<9} {each.variant:<42} {minutes(each.expected_s):>7}")
    say(plan_sentence(question, planned))


def doctor(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to measure.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results: its disk is measured.")] = RESULTS,
) -> None:
    """Measure how steady this machine is, and print what would help.

    Also: how many rounds a 5 % answer takes on it.
    """
    from loopbench.judge.doctor.fitness import fitness_json, judge_fitness
    from loopbench.measure.doctor import examine
    from loopbench.measure.lock import one_at_a_time

    if not as_json:
        say(f"measuring this machine for {seconds:g} s")
    with one_at_a_time():
        seen = examine(seconds, out)
    fitness = judge_fitness(seen)
    say(fitness_json(seen, fitness) if as_json else "\n".join(fitness.lines))


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
    from loopbench.measure.serve import serve_target_app

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
    from loopbench.measure.session import measure_session, new_session
    from loopbench.plan import check_length, make_plan

    planned = make_plan(question, seed)
    check_length(planned, options.max_minutes)
    open_folder = partial(new_session, question, planned, out, options)
    return measure_session(question, planned, open_folder, notify, _load_judge, options)


def resume_session(question: "Scenario", folder: Path, options: "SessionOptions", notify: "Notify") -> "SessionEnded":
    """Continue a session where it ended."""
    from loopbench.measure.resume import check_resumable, check_same_code
    from loopbench.measure.session import measure_session
    from loopbench.plan import make_plan

    planned = make_plan(question, check_resumable(folder, question, explain=options.explain))
    check_same_code(folder)
    return measure_session(question, planned, lambda: folder, notify, _load_judge, options)


def _load_judge() -> "SessionJudge":
    from loopbench.judge.rounds.between_runs import faults_of, least_window_s, rounds_standing
    from loopbench.measure.session import SessionJudge

    return SessionJudge(min_window_s=least_window_s, faults=faults_of, standing=rounds_standing)


def _report_and_end(ended: "SessionEnded", speech: Speech, gating: Gating, notify: "Notify") -> None:
    """Draw what there is, then end with what ended the session early, or with its answer."""
    from loopbench.commands.ending import leave_if_ended_early, leaving_at_a_signal, not_drawn
    from loopbench.commands.reporting import draw, end_with_answer, give_summary, say_answer

    judged = None
    try:
        with leaving_at_a_signal(ended.folder):
            notify(ended)
            if ended.finished_runs:
                judged = draw(ended.folder, speech, gating)
                give_summary(ended.folder, speech)
                gating.write_ci(judged, speech)
    except Exception as problem:
        if ended.error is None:  # otherwise the error that ended the measurement is the one to report
            if isinstance(problem, OSError):
                raise not_drawn(ended.folder, problem) from None
            raise
        judged = None
    if judged is None:
        leave_if_ended_early(ended)
        return
    if ended.error is not None:
        say_answer(judged, speech)
    leave_if_ended_early(ended, partial(say_answer, judged, speech))
    end_with_answer(judged, speech)


def new_seed(given: int | None) -> int:
    """Returns the given seed, or a random one."""
    return given if given is not None else int.from_bytes(os.urandom(4), "big")
