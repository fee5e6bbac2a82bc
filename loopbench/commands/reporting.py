"""Commands that read folders: report, list, plot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench.commands.options import RESULTS
from loopbench.console import print_error, say
from loopbench.errors import DataError, LoopbenchError, UsageError

if TYPE_CHECKING:
    from loopbench.judge.session_report import SessionReport


def report(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="A session; the newest if absent.")] = None,
) -> None:
    """Draw a session again from its files: summary, charts, page."""
    from loopbench.commands.ending import refuse_doubt

    refuse_doubt(draw(folder or _newest_session()))


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


def draw(folder: Path) -> "SessionReport":
    """Everything that can be said about a session, on disk and on the console."""
    from loopbench.closing import closing_lines

    judged = draw_files(folder)
    for line in closing_lines(judged):
        say(line)
    return judged


def draw_files(folder: Path) -> "SessionReport":
    """The same on disk alone: summary, charts, page."""
    from loopbench.judge.session_report import judge_session
    from loopbench.judge.summary import write_summary
    from loopbench.records.session import CHARTS_FOLDER, REPORT_FILE
    from plots.page import write_page
    from plots.session_charts import draw_charts

    judged = judge_session(folder)
    write_summary(judged, folder)
    draw_charts(judged, folder / CHARTS_FOLDER)
    write_page(judged, folder / REPORT_FILE)
    return judged


def _newest_session() -> Path:
    from loopbench.records.session import SESSION_FILE

    sessions = sorted(RESULTS.glob(f"*/*/{SESSION_FILE}"), key=lambda path: path.parent.name)
    if not sessions:
        raise DataError("there is no session under results/ yet", slug="no-session", hints=("make bench-quick",))
    return sessions[-1].parent
