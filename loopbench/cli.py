"""The command line: the only place that joins measuring and judging, prints results, and exits.

Heavy imports happen inside the commands: `loopbench --help` must answer at once, and measuring must not carry pandas.
"""

import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench import __version__
from loopbench.console import print_error, say
from loopbench.errors import CannotTellError, DataError, EnvironmentRefusedError, ExitCode, LoopbenchError, UsageError

if TYPE_CHECKING:
    from loopbench.judge.session_report import SessionReport
    from loopbench.measure.session import SessionOutcome

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Which concurrency style should this FastAPI endpoint use, what does the wrong one cost, and why?",
)

RESULTS = Path("results")
MOST_FAILURES = 0.01
"""Of all answers of a run (rule C2 of the stamp): beyond it, goodput describes something else."""

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario's TOML file.", show_default=False)]
Quick = Annotated[bool, typer.Option("--quick", help="A short ramp and hold: the same charts, less to trust.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one scenario key.")]
Seed = Annotated[int | None, typer.Option(help="Order of the runs and think times; recorded.", show_default="random")]


@app.command()
def run(
    scenario: ScenarioFile,
    *,
    quick: Quick = False,
    override: Overrides = None,
    seed: Seed = None,
    out: Annotated[Path, typer.Option(help="Folder for results.")] = RESULTS,
) -> None:
    """Measure every variant of a scenario and draw what happened."""
    from loopbench.measure.session import measure_session
    from loopbench.plan import make_plan
    from loopbench.progress import observer_for
    from loopbench.scenario import load

    question = load(scenario, tuple(override or ()), quick=quick)
    plan = make_plan(question, _seed(seed))
    outcome = measure_session(question, plan, out, observer_for(sys.stdout), quick=quick)
    try:
        judged = _report(outcome.folder) if outcome.finished_runs else None
    except KeyboardInterrupt:
        say(f"stopped while drawing; everything measured is kept: loopbench report {outcome.folder}", sys.stderr)
        raise
    except Exception:
        if outcome.error is None:  # otherwise what ended the measurement is what the user must hear
            raise
        judged = None
    _end(outcome, len(plan.runs))
    if judged is not None:
        _refuse_doubt(judged)


@app.command()
def plan(scenario: ScenarioFile, *, quick: Quick = False, override: Overrides = None, seed: Seed = None) -> None:
    """What would run, in which order, and how long it takes. Starts nothing."""
    from loopbench.plan import make_plan
    from loopbench.progress import minutes
    from loopbench.scenario import load

    question = load(scenario, tuple(override or ()), quick=quick)
    planned = make_plan(question, _seed(seed))
    for each in planned.runs:
        say(f"{each.number:>4}  {each.kind:<8} {each.variant:<42} {minutes(each.expected_s):>7}")
    say(f"{len(planned.runs)} runs, {minutes(planned.expected_s)} min in all (seed {planned.seed})")


@app.command()
def report(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="A session; the newest if absent.")] = None,
) -> None:
    """Draw a session again from its files: summary, charts, page."""
    _refuse_doubt(_report(folder or _newest_session()))


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the scenarios are.")] = Path("scenarios"),
) -> None:
    """The scenarios and their variants."""
    from loopbench.scenario import load
    from loopbench.showable import showable

    files = sorted(folder.glob("*.toml"))
    if not files:
        raise UsageError(f"there are no scenarios in {folder}", slug="no-scenarios", where=str(folder.resolve()))
    for file in files:
        try:
            question = load(file)
        except LoopbenchError as error:
            print_error(error)
            continue
        say(f"{file}  {showable(question.title)}")
        for variant in question.variants:
            say(f"    {showable(variant.name):<24} {variant.method} {showable(variant.request_target)}")


@app.command()
def plot(
    prefix: Annotated[list[Path], typer.Argument(metavar="PREFIX...", help="What Locust's --csv was given.")],
    out: Annotated[Path, typer.Option(help="The chart's path, without its ending.")] = Path("rps_users"),
) -> None:
    """RPS against users from any Locust --csv output, ours or not; several are drawn over each other."""
    from loopbench.showable import showable
    from plots.csv_chart import load, write

    curves = load(prefix)
    for curve in curves:
        knee = "no knee" if curve.knee_users is None else f"knee near {curve.knee_users:.3g} users"
        held = "no hold" if curve.hold is None else f"{curve.hold.goodput_rps:.3g} RPS at {curve.hold.users:.0f} users"
        say(f"{showable(curve.label)}: {held}, {knee}")
        for note in curve.notes:
            say(f"    {showable(note)}")
    for path in write(curves, out):
        say(str(path))


@app.command()
def serve(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    loop: Annotated[str, typer.Option(help="asyncio or uvloop")] = "uvloop",
) -> None:
    """The target app alone, on this machine, until Ctrl-C."""
    from loopbench.measure.serve import serve_target_app

    serve_target_app(port, loop)


@app.command()
def ui(
    scenario: ScenarioFile,
    *,
    override: Overrides = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the web UI.")] = 8089,
) -> None:
    """The target and Locust's web UI, both on this machine only, until Ctrl-C."""
    from loopbench.measure.web_ui import serve_web_ui
    from loopbench.scenario import load

    serve_web_ui(load(scenario, tuple(override or ())), port, say)


@app.callback(invoke_without_command=True)
def _version(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        say(f"loopbench {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; turn whatever comes out of it into one message and one exit code."""
    try:
        app()
    except LoopbenchError as error:
        sys.exit(_failed(error))
    except OSError as problem:
        what, where = problem.strerror or type(problem).__name__, str(problem.filename or "")
        sys.exit(_failed(EnvironmentRefusedError(what, slug="system", where=where)))
    except Exception as problem:  # noqa: BLE001  the one place that may: a bug of ours, said as such
        sys.exit(_crashed(problem))


def _failed(error: LoopbenchError) -> ExitCode:
    print_error(error)
    return error.exit_code


def _crashed(problem: Exception) -> ExitCode:
    with tempfile.NamedTemporaryFile("w", prefix="loopbench-crash-", suffix=".txt", delete=False) as file:
        file.write(f"loopbench {__version__}, Python {sys.version}\n{sys.argv}\n\n{traceback.format_exc()}")
    crash = LoopbenchError(
        f"a bug in loopbench: {type(problem).__name__}: {problem}",
        slug="bug",
        where=file.name,
        hints=("send that file with what you did",),
        kept="finished runs stay where they are; `loopbench report DIR` draws them",
    )
    return _failed(crash)


def _seed(given: int | None) -> int:
    return given if given is not None else int.from_bytes(os.urandom(4), "big")


def _report(folder: Path) -> "SessionReport":
    """Everything that can be said about a session, on disk and on the console."""
    from loopbench.closing import closing_lines
    from loopbench.judge.session_report import judge_session
    from loopbench.judge.summary import write_summary
    from loopbench.records.session import CHARTS_FOLDER, REPORT_FILE
    from plots.page import write_page
    from plots.session_charts import draw_charts

    judged = judge_session(folder)
    write_summary(judged, folder)
    draw_charts(judged, folder / CHARTS_FOLDER)
    write_page(judged, folder / REPORT_FILE)
    for line in closing_lines(judged):
        say(line)
    return judged


def _newest_session() -> Path:
    from loopbench.records.session import SESSION_FILE

    sessions = sorted(RESULTS.glob(f"*/*/{SESSION_FILE}"), key=lambda path: path.parent.name)
    if not sessions:
        raise DataError("there is no session under results/ yet", slug="no-session", hints=("make bench-quick",))
    return sessions[-1].parent


def _end(outcome: "SessionOutcome", planned: int) -> None:
    """Leave with what ended a session before its plan did: an error, or a signal."""
    kept = f"{outcome.finished_runs} of {planned} runs are complete in {outcome.folder}"
    if outcome.error is not None:
        outcome.error.kept = f"{kept}; {outcome.error.kept}" if outcome.error.kept else kept
        raise outcome.error
    if outcome.interrupted_by is not None:
        name = signal.Signals(outcome.interrupted_by).name
        say(f"stopped by {name}: {kept}; the run under way does not count", sys.stderr)
        if outcome.finished_runs:
            say(f"  try: loopbench report {outcome.folder}", sys.stderr)
        signal.signal(outcome.interrupted_by, signal.SIG_DFL)
        os.kill(os.getpid(), outcome.interrupted_by)  # so that a shell loop around us stops too


def _refuse_doubt(judged: "SessionReport") -> None:
    """Raise what keeps a drawn session from being trusted: damage first, then counts, then failures."""
    where = str(judged.folder)
    if judged.damaged:
        raise DataError(
            "; ".join(judged.damaged),
            slug="runs-damaged",
            where=where,
            kept=f"the other {len(judged.runs)} runs are drawn",
        )
    if not judged.counts_agree:
        raise CannotTellError(
            "server, samples and Locust did not count the same requests; the figures are not to be trusted",
            slug="counts-differ",
            where=where,
            hints=("read the run.json files for the three counts",),
        )
    failing = [run for run in judged.runs if run.failure_share > MOST_FAILURES]
    if failing:
        shown = "; ".join(
            f"{run.variant.name}: {run.failure_share:.0%}, mostly {run.errors[0][0]!r}" for run in failing
        )
        raise CannotTellError(
            f"more than {MOST_FAILURES:.0%} of the answers were failures ({shown}); the figures are not to be trusted",
            slug="failures",
            where=where,
            hints=("correct the app, or `expect` in the scenario",),
        )
