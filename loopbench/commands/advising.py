"""The command `advise`: screens the routes of an app, then tries other styles for those that do harm."""

import json
import os
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from loopbench.commands.ending import end_by
from loopbench.commands.options import AppPython, AsJson, Headers, NoLock, Out, Quiet, Seed, Wait, named
from loopbench.commands.project import project_path
from loopbench.commands.starting import header_from_environment
from loopbench.console import Speech, say
from loopbench.errors import CannotTellError, TargetError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.advice.questions import Candidate, Questions
    from loopbench.advice.route_advice import RouteAdvice
    from loopbench.advice.screening import Screened
    from loopbench.advice.what_ifs import WhatIf
    from loopbench.first_scenario.reading import Endpoint
    from loopbench.judge.session.session_report import SessionReport
    from loopbench.measure.events import Notify, SessionEnded
    from loopbench.scenario import Scenario

ADVICE_FILE: Final = "advice.json"
SCREENING_PART: Final = 0.4  # of the time, at most
MIN_ROUNDS: Final = 2  # of a comparison: one has no interval, so nothing is begun without the time for two
MAX_ROUNDS: Final = 5  # of a comparison, where its part of the time allows it
RAMP_THAT_HANGS_S: Final = 20.0  # longer than others: its drain, and a target that is killed
OWNER_ONLY: Final = 0o600  # a scenario may hold what only its owner may read


def advise(  # noqa: PLR0913  one parameter an option
    app: Annotated[
        str | None,
        typer.Argument(
            metavar="[APP|SCENARIO]", help="MODULE:NAME, or a scenario's TOML file; default: found as by init."
        ),
    ] = None,
    *,
    route: Annotated[
        list[str] | None, typer.Option(metavar="ROUTE", help='Ask about this route alone, "GET /search"; repeatable.')
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.5, help="Time for everything.")] = 10,
    python: AppPython = None,
    header: Headers = None,
    seed: Seed = None,
    out: Out,
    wait: Wait = False,
    no_lock: NoLock = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find by experiment which style suits each route of your app.

    The app is not changed: loopbench runs its functions in the other style.
    """
    from loopbench.advice.questions import SCREENING, screening
    from loopbench.commands.measuring import new_seed
    from loopbench.measure.lock import if_busy_of, one_at_a_time
    from loopbench.measure.store import new_folder
    from loopbench.progress import progress_on

    speech, if_busy = Speech(as_json=as_json, quiet=quiet), if_busy_of(wait=wait, no_lock=no_lock)
    wishes = _Wishes(app, tuple(route or ()), python, tuple(header or ()), out / "advise")
    file = named(Path(app or ""))
    questions = _of_scenario(wishes, file, speech) if file.suffix == ".toml" else _of_app(wishes)
    with one_at_a_time(if_busy, partial(say, stream=speech.words)):
        ends_s = time.monotonic() + 60 * minutes
        sessions = _Sessions(new_folder(wishes.folder), new_seed(seed), speech, progress_on(speech.words), ends_s)
        shown = sessions.measure(SCREENING, screening(questions), SCREENING_PART * sessions.left_s)
        advice = [] if shown is None else list(_advice(questions, shown, sessions))
    _report(advice, [*questions.left_out, *_not_screened(shown)], sessions)


class _Wishes(NamedTuple):
    """What the command line asks for."""

    app: str | None
    routes: Sequence[str]
    python: Path | None
    headers: Sequence[str]
    folder: Path  # in which the folder of this advice will be


def _of_app(wishes: _Wishes) -> "Questions":
    from loopbench.advice.questions import questions_of_app
    from loopbench.first_scenario.places import find_app, find_python
    from loopbench.first_scenario.reading import read_app
    from loopbench.measure.interpreter import is_own

    place = find_app(Path.cwd(), wishes.app)
    found = find_python(place.folder, wishes.python or project_path("python"))
    facts = read_app(place, found.path)
    theirs = None if is_own(str(found.path)) else found.path
    headers = dict(map(_header_in_environment, wishes.headers))
    return questions_of_app(place, facts, wishes.folder / "new", theirs, headers, wishes.routes)


def _header_in_environment(text: str) -> tuple[str, str]:
    """Returns a header whose value is taken from the environment, so that no scenario file holds it."""
    name, value, variables = header_from_environment(text)
    os.environ.update(variables)
    return name, value


def _of_scenario(wishes: _Wishes, file: Path, speech: Speech) -> "Questions":
    from loopbench.advice.questions import questions_of_scenario
    from loopbench.scenario import load
    from loopbench.scenario.secrets import moved_to_environment
    from loopbench.scenario.toml import read_toml

    scenario = load(file)
    raw, variables = moved_to_environment(read_toml(file)[1])
    os.environ.update(variables)
    return questions_of_scenario(raw, file, wishes.folder / "new", _endpoints(scenario, speech), wishes.routes)


def _endpoints(scenario: "Scenario", speech: Speech) -> "Sequence[Endpoint]":
    """Returns the functions of a scenario's app; says why if there are none, as before `prepare` and services."""
    from loopbench.first_scenario.places import AppPlace
    from loopbench.first_scenario.reading import read_app
    from loopbench.measure.interpreter import python_of

    target = scenario.target
    if target.app is None:
        return ()
    module, _, attribute = target.app.partition(":")
    place = AppPlace(module, attribute, (scenario.file.parent / target.app_dir).absolute())
    try:
        python = Path(python_of(scenario, target))
        return read_app(place, python, added=target.env, cwd=target.cwd).endpoints
    except TargetError as problem:
        speech.say(f"no function of the app is known, because it cannot be read before a run: {showable(problem.what)}")
        return ()


@dataclass
class _Sessions:
    """Writes scenarios into a folder, measures each beside it, and draws it."""

    folder: Path
    seed: int
    speech: Speech
    notify: "Notify"
    ends_s: float
    interrupted_by: int | None = None  # the signal that ended the last session
    failed: TargetError | None = None
    """The error of the first variant that failed in the last session, others of which were measured."""
    cores: int = 1  # of the machine, once a session has ended
    slowness: float = 1.0
    """How many times longer than planned the last session took: other processes may use the machine."""

    @property
    def left_s(self) -> float:
        """Seconds until the time is up."""
        return self.ends_s - time.monotonic()

    def measure(self, name: str, text: str, seconds: float) -> "SessionReport | None":
        """Measure a scenario; None if no run was complete when a signal came or the time was up.

        Raises:
            LoopbenchError: the error that ended the session before any run was complete.
        """
        from loopbench.commands.reporting import draw_files

        began_s = time.monotonic()
        ended = self._session(name, text, seconds, self.notify)
        self.failed = None
        if ended.error is not None:
            if not (ended.finished_runs and isinstance(ended.error, TargetError)):
                raise ended.error
            self.failed = ended.error
        if not ended.finished_runs:
            return None
        report = draw_files(ended.folder)
        self.cores = int(report.record.machine.get("cores", 1))
        planned_s = sum(run.expected_s for run in report.record.plan[: ended.finished_runs])
        self.slowness = max(1.0, (time.monotonic() - began_s) / planned_s)
        return report

    def refused(self, name: str, text: str) -> dict[str, str]:
        """Verify the variants of a scenario and measure nothing; those that fail, each with the reason.

        Raises:
            LoopbenchError: the error that kept them from being verified.
        """
        from loopbench.measure.events import VariantFailed

        failures: dict[str, str] = {}

        def note(event: object) -> None:
            if isinstance(event, VariantFailed):
                failures[event.failure.variant] = event.failure.reason

        ended = self._session(name, text, 0.0, note)
        if ended.error is not None and not isinstance(ended.error, TargetError):
            raise ended.error
        return failures

    def _session(self, name: str, text: str, seconds: float, notify: "Notify") -> "SessionEnded":
        from loopbench.commands.measuring import begin_session
        from loopbench.measure.lock import IfBusy
        from loopbench.scenario import load
        from loopbench.session import SessionOptions

        file = self.folder / f"{name}.toml"
        file.touch(OWNER_ONLY)
        file.write_text(text, encoding="utf-8")
        options = SessionOptions(max_minutes=max(0.0, seconds) / 60, if_busy=IfBusy.MEASURE_ANYWAY)
        ended = begin_session(load(file), self.seed, self.folder, options, notify)
        notify(ended)
        self.interrupted_by = ended.interrupted_by
        return ended

    def needed_s(self, text: str, rounds: int) -> float:
        """Seconds that a scenario takes with so many rounds, on this machine as busy as it was."""
        from loopbench.plan import make_plan
        from loopbench.scenario import Scenario

        plan = make_plan(Scenario.model_validate(tomllib.loads(text)), self.seed)
        return self.slowness * sum(run.expected_s for run in plan.runs if run.round <= rounds)


def _advice(questions: "Questions", shown: "SessionReport", sessions: _Sessions) -> "Iterator[RouteAdvice]":
    """Yield the advice on every screened route, the most harmful first."""
    from loopbench.advice.questions import REFERENCE
    from loopbench.advice.route_advice import without_answer
    from loopbench.advice.screening import screened

    candidates = {each.name: each for each in questions.candidates}
    ranked = [each for each in screened(shown.runs) if each.run.variant.name != REFERENCE]
    healthy = [each for each in ranked if each.is_healthy]
    harmful = [each for each in ranked if not each.is_healthy]
    if healthy and not questions.neighbours:
        questions = questions.beside(candidates[healthy[-1].run.variant.name])
    for number, each in enumerate(harmful):
        yield _compared(questions, candidates[each.run.variant.name], each, sessions, len(harmful) - number)
    for each in healthy:
        yield without_answer(candidates[each.run.variant.name], each, questions.app_folder)


def _compared(
    questions: "Questions", candidate: "Candidate", seen: "Screened", sessions: _Sessions, routes_left: int
) -> "RouteAdvice":
    """Measure the what-ifs of one route that it does not refuse, in as many rounds as its part of the time allows."""
    from loopbench.advice.outcomes import Outcome, Tried
    from loopbench.advice.questions import comparison
    from loopbench.advice.route_advice import with_refusals
    from loopbench.advice.what_ifs import AS_WRITTEN, may_be_refused, what_ifs, without
    from loopbench.judge.figures import listed

    tries = what_ifs(candidate.endpoint, seen.run.diagnosis)
    doubtful = [each for each in tries if may_be_refused(each, candidate.endpoint)]
    reasons: dict[str, str] = {}
    if doubtful and sessions.interrupted_by is None and sessions.left_s > 0:
        sessions.speech.say(f"{candidate.name}: asked once {listed([each.name for each in doubtful])}")
        name = f"{questions.slug(candidate)}-verified"
        reasons = sessions.refused(name, comparison(questions, candidate, doubtful, 0))
        reasons = {} if AS_WRITTEN in reasons else reasons  # then it is not the style that fails
    refused = [Tried(each, Outcome.FAILED, reason=reasons[each.name]) for each in doubtful if each.name in reasons]
    left = without(tries, reasons)
    advice = _measured(questions, candidate, seen, sessions, left, routes_left)
    return with_refusals(advice, refused, seen, sessions.cores)


def _measured(  # noqa: PLR0913  what is measured, of which route, and for how long
    questions: "Questions",
    candidate: "Candidate",
    seen: "Screened",
    sessions: _Sessions,
    tries: "Sequence[WhatIf]",
    routes_left: int,
) -> "RouteAdvice":
    from loopbench.advice.questions import comparison
    from loopbench.advice.route_advice import with_answer, without_answer
    from loopbench.judge.figures import listed

    if not tries:
        return without_answer(candidate, seen, questions.app_folder)
    text = comparison(questions, candidate, tries, MAX_ROUNDS)
    least_s, left_s = sessions.needed_s(text, MIN_ROUNDS), sessions.left_s
    if sessions.interrupted_by is not None or least_s > left_s:
        reason = f"not compared: it takes {least_s:.0f} s, and {max(0.0, left_s):.0f} s are left (--minutes gives more)"
        return without_answer(candidate, seen, questions.app_folder, reason)
    sessions.speech.say(f"{candidate.name}: trying {listed([each.name for each in tries])}")
    part_s = min(left_s, max(left_s / routes_left, least_s + RAMP_THAT_HANGS_S))
    report = sessions.measure(questions.slug(candidate), text, part_s)
    if report is None:
        return without_answer(candidate, seen, questions.app_folder, "not compared: no run was complete in the time")
    return with_answer(candidate, seen, questions.app_folder, tries, report)


def _not_screened(shown: "SessionReport | None") -> Iterator[str]:
    """Yield why routes have no run in the screening."""
    if shown is None:
        return
    for failure in shown.failures.variants:
        yield f"{failure.variant}: {failure.state}: {failure.reason}"
    for name in shown.missing:
        yield f"{name}: no time left to screen it (--minutes gives more)"


def _report(advice: "Sequence[RouteAdvice]", left_out: Sequence[str], sessions: _Sessions) -> None:
    """Write and print the advice.

    Raises:
        CannotTellError: what was measured of a route is INVALID.
        TargetError: no route answers as it should.
    """
    from loopbench.advice.route_advice import advice_document
    from loopbench.records.files import write_file

    speech, file = sessions.speech, sessions.folder / ADVICE_FILE
    content = json.dumps(advice_document(advice, left_out), indent=1)
    write_file(file, content)
    speech.say()
    for line in left_out:
        speech.say(f"not asked: {showable(line)}")
    for each in advice:
        speech.answer(each.sentence, bold=True)
        for line in (line for edit in each.edits for line in edit.diff):
            speech.answer(f"    {showable(line)}")
        if each.page:
            speech.say(f"    page: {each.page}")
    speech.say(f"advice: {file}")
    speech.give(content)
    if sessions.interrupted_by is not None:
        end_by(sessions.interrupted_by)
    if not advice and sessions.failed is not None:
        raise sessions.failed
    if unknown := [each.route for each in advice if each.is_invalid]:
        what = f"what was measured of {', '.join(unknown)} is INVALID"
        raise CannotTellError(
            what, slug="advice", where=str(file), hints=("read the findings on the page", "loopbench doctor")
        )
