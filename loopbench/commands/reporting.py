"""Commands that read folders: report, list, plot."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    Quiet,
    Sarif,
    SaveBaseline,
    ScenarioFolder,
    Strict,
    earlier_session,
    results_folder,
    scenarios_in,
    session_folders,
)
from loopbench.console import Speech, print_error, say, table_lines, width_of
from loopbench.errors import DataError, LoopbenchError

if TYPE_CHECKING:
    from loopbench.judge.run.windows import Curve
    from loopbench.judge.session.session_report import SessionReport
    from loopbench.scenario import Scenario


def report(  # noqa: PLR0913  one parameter an option
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A session; the newest if absent.", autocompletion=session_folders),
    ] = None,
    *,
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
    png: Annotated[bool, typer.Option("--png", help="Write every chart as PNG too, not only rps-users.")] = False,
) -> None:
    """Judge a session again and write its summary, charts and page."""
    from loopbench.records.session import read_session

    session = folder or newest_session()
    before = baseline and earlier_session(baseline, session.resolve().parent)
    gating = Gating(before, anyway, junit, sarif, code_quality, save_baseline, strict, exit_zero)
    gating.check()
    speech = Speech(as_json=as_json, quiet=quiet)
    read_session(session)  # a wrong folder is refused before the judge is imported, which takes seconds
    judged = draw(session, speech, gating, all_png=png)
    give_summary(session, speech)
    gating.write_ci(judged)
    gating.save(judged, speech)
    say_pointers(judged, speech)
    end_with_answer(judged, speech, gating)


def list_(
    folder: ScenarioFolder = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print the scenarios and their variants."""
    from loopbench.scenario import load
    from loopbench.showable import showable

    speech, listed = Speech(as_json=as_json), list[dict[str, Any]]()
    for file in scenarios_in(folder):
        try:
            question = load(file)
        except LoopbenchError as error:
            print_error(error)
            continue
        listed.append(_listed(file, question))
        if as_json:
            continue
        speech.answer(f"{bundled.shown(file)}  {showable(question.title)}")
        for line in table_lines((), [(each.name, question.load_of(each)) for each in question.variants]):
            speech.answer(f"    {line}")
    speech.give(json.dumps(listed, indent=1))


def _listed(file: Path, question: "Scenario") -> dict[str, Any]:
    """A scenario as `list --json` has it."""
    return {
        "file": str(file),
        "title": question.title,
        "question": question.question,
        "variants": [{"name": each.name} | question.request_values(each) for each in question.variants],
    }


def plot(
    prefix: Annotated[list[Path], typer.Argument(metavar="PREFIX...", help="The value of Locust's --csv.")],
    out: Annotated[Path, typer.Option(help="The chart's path, without its ending.")] = Path("rps_users"),
    *,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw RPS against users from the output of any Locust --csv.

    Several outputs are drawn into one chart.
    """
    from loopbench.plots.csv_chart import load, write
    from loopbench.showable import showable

    speech = Speech(as_json=as_json, quiet=quiet)
    curves = load(prefix)
    for curve in curves:
        knee = "no knee" if curve.knee_users is None else f"knee near {curve.knee_users:.3g} users"
        held = "no hold" if curve.hold is None else f"{curve.hold.goodput_rps:.3g} RPS at {curve.hold.users:.0f} users"
        speech.answer(f"{showable(curve.label)}: {held}, {knee}")
        for note in curve.notes:
            speech.say(f"    {showable(note)}")
    charts = [str(path) for path in write(curves, out)]
    for path in charts:
        speech.answer(path)
    speech.give(json.dumps({"curves": [_figures(curve) for curve in curves], "charts": charts}, indent=1))


def _figures(curve: "Curve") -> dict[str, Any]:
    """A curve's figures as `plot --json` has them; null where nothing is known."""
    return {
        "label": curve.label,
        "hold_goodput_rps": None if curve.hold is None else curve.hold.goodput_rps,
        "hold_users": None if curve.hold is None else curve.hold.users,
        "knee_users": curve.knee_users,
        "notes": curve.notes,
    }


def draw(
    folder: Path,
    speech: Speech = Speech(),  # noqa: B008  immutable
    gating: Gating = Gating(),  # noqa: B008  immutable
    *,
    all_png: bool = False,
) -> "SessionReport":
    """Write a session's summary, charts and page, and print its details."""
    from loopbench.closing import details

    judged = draw_files(folder, gating, all_png=all_png)
    for line in details(judged, width_of(speech.words)):
        speech.say(line)
    return judged


def end_with_answer(judged: "SessionReport", speech: Speech, gating: Gating) -> None:
    """Print the doubts about a session, then its answer, which stays last on the screen.

    Raises:
        typer.Exit: the session is INVALID, or a gate is not met; with that error's exit code.
    """
    from loopbench.commands.ending import check_valid, end_with_result

    check = partial(check_valid, judged, strict=gating.strict)
    end_with_result(check, partial(say_answer, judged, speech), exit_zero=gating.exit_zero)


def say_answer(judged: "SessionReport", speech: Speech) -> None:
    """Print the verdicts, and last the answer and whether it is valid."""
    from loopbench.closing import verdict_lines

    width = width_of(speech.results)
    if width is not None and not speech.quiet:  # other words stand above it on the terminal
        speech.answer()
    *verdicts, sentence, validity = verdict_lines(judged, width)
    for line in verdicts:
        speech.answer(line)
    speech.answer(sentence, bold=True)
    speech.answer(validity)


def say_pointers(judged: "SessionReport", speech: Speech) -> None:
    """Print the page and the next commands, each on one line whatever the terminal's width: they are to be copied."""
    from loopbench.closing import pointers

    speech.say()
    for line in pointers(judged):
        say(line, speech.words)


def give_summary(folder: Path, speech: Speech) -> None:
    """Print the summary of a drawn session as JSON, if that was asked for."""
    from loopbench.records.session import SUMMARY_STEM

    speech.give((folder / f"{SUMMARY_STEM}.json").read_text(encoding="utf-8"))


def draw_files(
    folder: Path,
    gating: Gating = Gating(),  # noqa: B008  immutable
    *,
    all_png: bool = False,
) -> "SessionReport":
    """Judge a session and write its files: summary, charts, page.

    Args:
        folder: the session's folder.
        gating: the gates to answer.
        all_png: write every chart as PNG, not only the overlay of all variants.
    """
    from loopbench.judge.summary.summary import write_summary
    from loopbench.plots.charts import charts_of, draw_charts
    from loopbench.plots.page import render_page
    from loopbench.records.files import write_file
    from loopbench.records.session import CHARTS_FOLDER, REPORT_FILE

    judged = gating.judge(folder)
    write_summary(judged, folder)
    charts = charts_of(judged)
    draw_charts(charts, folder / CHARTS_FOLDER, all_png=all_png)
    write_file(folder / REPORT_FILE, render_page(judged, charts))
    return judged


def newest_session() -> Path:
    """Return the newest session of the project's results.

    Raises:
        DataError: there is none.
    """
    from loopbench.records.session import session_folders

    folder = results_folder()
    scenarios = [each for each in folder.glob("*") if not each.is_symlink()]
    sessions = [session for scenario in scenarios for session in session_folders(scenario)]
    if not sessions:
        raise DataError(f"there is no session in {folder} yet", slug="no-session", hints=("loopbench demo --quick",))
    return max(sessions, key=lambda session: session.name)
