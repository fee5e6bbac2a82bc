"""Commands that start processes: run, plan, doctor, worker, serve, ui."""

import json
import os
import sys
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
    from loopbench.events import EventLog
    from loopbench.measure.observer import Observer
    from loopbench.measure.session import SessionOutcome, Wanted
    from loopbench.scenario import Scenario


def run(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Begin no run or round that would end later than this.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Exact times in the app, a few percent dearer; in all variants alike.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = RESULTS,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with this session: same scenario, seed and plan.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Begin when another measurement here has ended.")] = False,
    no_lock: Annotated[bool, typer.Option("--no-lock", help="Measure beside another one all the same.")] = False,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append one JSON object for everything that happens.")
    ] = None,
    baseline: Baseline = None,
    anyway: Anyway = False,
    junit: Junit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure every variant of a scenario and draw what happened."""
    from loopbench.events import EventLog, Observers
    from loopbench.measure.lock import IfBusy
    from loopbench.measure.session import Wanted
    from loopbench.progress import observer_for
    from loopbench.scenario import load

    question = load(chosen(scenario), tuple(override or ()), quick=quick, rounds=rounds)
    gating = Gating(baseline, anyway, junit)
    gating.check()
    speech = Speech(as_json=as_json, quiet=quiet)
    if_busy = IfBusy.MEASURE_ANYWAY if no_lock else IfBusy.WAIT if wait else IfBusy.REFUSE
    wanted = Wanted(quick=quick, explain=explain, max_minutes=max_minutes, if_busy=if_busy)
    log = EventLog(events) if events else None
    shown = observer_for(speech.words)
    observer = shown if log is None else Observers((shown, log))
    if resume:
        outcome = resume_session(question, resume, wanted, observer)
    else:
        outcome = begin_session(question, new_seed(seed), out, wanted, observer)
    _report_and_end(outcome, speech, gating, log)


def plan(  # noqa: PLR0913  one parameter an option
    scenario: ScenarioFile = None,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    rounds: Rounds = None,
    as_json: AsJson = False,
) -> None:
    """What would run, in which order, and how long it takes. Starts nothing."""
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
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to look.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="For another program.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results: its disk is looked at.")] = RESULTS,
) -> None:
    """How noisy this machine is, how many rounds a 5 % answer takes on it, and what would help."""
    from loopbench.judge.doctor.fitness import fitness_json, judge_fitness
    from loopbench.measure.doctor import examine
    from loopbench.measure.lock import one_at_a_time

    if not as_json:
        say(f"looking at this machine for {seconds:g} s")
    with one_at_a_time():
        seen = examine(seconds, out)
    fitness = judge_fitness(seen)
    say(fitness_json(seen, fitness) if as_json else "\n".join(fitness.lines))


def worker(
    *,
    master: Annotated[str, typer.Option(help="Host or address of the machine that leads.", show_default=False)],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of its master.")] = 5557,
) -> None:
    """Generate load for a measurement that is led from another machine, until Ctrl-C."""
    from loopbench.measure.worker import serve_as_worker

    serve_as_worker(master, port, say)


def serve(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    loop: Annotated[str, typer.Option(help="asyncio or uvloop")] = "uvloop",
) -> None:
    """The target app alone, on this machine, until Ctrl-C."""
    from loopbench.measure.serve import serve_target_app

    serve_target_app(port, loop)


def ui(
    scenario: ScenarioFile = None,
    *,
    override: Overrides = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the web UI.")] = 8089,
) -> None:
    """The target and Locust's web UI, both on this machine only, until Ctrl-C."""
    from loopbench.measure.web_ui import serve_web_ui
    from loopbench.scenario import load

    serve_web_ui(load(chosen(scenario), tuple(override or ())), port, say)


def begin_session(
    question: "Scenario", seed: int, out: Path, wanted: "Wanted", observer: "Observer | None" = None
) -> "SessionOutcome":
    """Measure a scenario in a new folder. Without an observer, progress is shown on stdout."""
    from loopbench.measure.session import measure_session, new_session
    from loopbench.plan import check_length, make_plan
    from loopbench.progress import observer_for
    from loopbench.session_judge import SessionJudge

    planned = make_plan(question, seed)
    check_length(planned, wanted.max_minutes)
    open_folder = partial(new_session, question, planned, out, wanted)
    watching = observer or observer_for(sys.stdout)
    return measure_session(question, planned, open_folder, watching, SessionJudge(), wanted)


def resume_session(
    question: "Scenario", folder: Path, wanted: "Wanted", observer: "Observer | None" = None
) -> "SessionOutcome":
    """Go on with a session where it ended. Without an observer, progress is shown on stdout."""
    from loopbench.measure.resume import check_resumable, check_same_code
    from loopbench.measure.session import measure_session
    from loopbench.plan import make_plan
    from loopbench.progress import observer_for
    from loopbench.session_judge import SessionJudge

    planned = make_plan(question, check_resumable(folder, question, explain=wanted.explain))
    check_same_code(folder)
    watching = observer or observer_for(sys.stdout)
    return measure_session(question, planned, lambda: folder, watching, SessionJudge(), wanted)


def _report_and_end(outcome: "SessionOutcome", speech: Speech, gating: Gating, log: "EventLog | None") -> None:
    """Draw what there is, then leave with what ended the session, if anything did, or with what it is worth."""
    from loopbench.commands.ending import leave_if_ended_early, leaving_at_a_signal, not_drawn, refuse_doubt
    from loopbench.commands.reporting import draw, give_summary

    try:
        with leaving_at_a_signal(outcome.folder):
            if log is not None:
                log.session_ended(outcome)
            judged = draw(outcome.folder, speech, gating) if outcome.finished_runs else None
            if judged is not None:
                give_summary(outcome.folder, speech)
                gating.tell_ci(judged, speech)
    except OSError as problem:
        if outcome.error is None:  # otherwise what ended the measurement is what the user must hear
            raise not_drawn(outcome.folder, problem) from None
        judged = None
    except Exception:
        if outcome.error is None:
            raise
        judged = None
    leave_if_ended_early(outcome)
    if judged is not None:
        refuse_doubt(judged)


def new_seed(given: int | None) -> int:
    """The one that is given, or a random one."""
    return given if given is not None else int.from_bytes(os.urandom(4), "big")
