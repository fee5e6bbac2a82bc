"""The command `history`: a scenario's figures over its earlier sessions, as a table, a chart, or JSON."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from loopbench.commands.options import Out, named, scenario_files
from loopbench.console import MISSING, Speech, say, table_lines, width_of
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.compare.history import History
    from loopbench.judge.compare.history_rows import Entry, SessionEntry

CHART_STEM: Final = "history"
LEGEND: Final = (
    "±: upper end of the 95 % interval over the rounds, above the figure; (ramp): one run, no interval.",
    "verdict: of goodput, against the others of that session; several: see --json.",
    "change: times the figure of the session before with rounds, where the 95 % interval excludes 1.",
)


def history(
    scenario: Annotated[
        Path,
        typer.Argument(
            metavar="SCENARIO", help="A scenario's file, or its folder of sessions.", autocompletion=scenario_files
        ),
    ],
    *,
    tolerance: Annotated[
        float,
        typer.Option(
            min=0, max=10, help="A loss is a REGRESSION if its whole interval is beyond this share, 0.1 = 10 %."
        ),
    ] = 0.10,
    chart: Annotated[
        bool, typer.Option("--chart", help="Draw it beside the sessions: history.html, .svg and .png.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Out,
) -> None:
    """Print the figures of a scenario's earlier sessions, oldest first.

    Good answers per second and the p99 of the neighbour request ([[requests]]), of sessions with the same settings and
    versions on the same machine.

    A change against the session before is marked only where its 95 % interval excludes 1.
    """
    from loopbench.judge.compare.history import history_values, read_history

    folder = _folder_of(scenario, out)
    found = read_history(folder, tolerance)
    if as_json:
        say(json.dumps(history_values(found), indent=1, allow_nan=False), raw=True)
    else:
        speech = Speech()
        for line in lines(found, width_of(speech.results)):
            speech.answer(line)
    if chart:
        from loopbench.plots.history import draw_history
        from loopbench.plots.history_page import render_history_page
        from loopbench.plots.style import save
        from loopbench.records.files import write_file

        page = folder / f"{CHART_STEM}.html"
        write_file(page, render_history_page(found))
        for path in (page, *save(draw_history(found), folder / CHART_STEM)):
            say(f"chart: {showable(str(path))}", sys.stderr)


def _folder_of(scenario: Path, out: Path) -> Path:
    """Returns the folder of a scenario's sessions."""
    if scenario.is_dir():
        return scenario
    from loopbench.scenario import load

    return out / load(named(scenario)).name


def lines(found: "History", width: int | None) -> Iterator[str]:
    """Yield a table for each variant, no wider than `width` (None: no limit), and sentences below."""
    from loopbench.judge.figures import plural

    yield f"{showable(found.title)}: {plural(len(found.sessions), 'session')} alike, {found.users} users"
    beside = () if found.neighbour is None else (f"{showable(found.neighbour)} p99 ms",)
    header = ("session (UTC)", "goodput/s", *beside, "verdict", "change")
    for variant in found.variants:
        yield ""
        yield showable(variant)
        yield from table_lines(header, [_cells(session, entry) for session, entry in found.row(variant)], width)
    yield ""
    yield from LEGEND
    for each in found.left_out:
        yield f"left out: {showable(each.name)}: {showable(each.reason)}"


def _cells(session: "SessionEntry", entry: "Entry") -> tuple[str, ...]:
    beside = () if entry.neighbour is None else (entry.neighbour.shown or MISSING,)
    return started(session.started), entry.goodput.shown or MISSING, *beside, entry.verdict, entry.change


def started(iso: str) -> str:
    """`2026-11-20 10:22`, in UTC; as it is, where it is no time."""
    from loopbench.records.session import moment

    time = moment(iso)
    return f"{time:%Y-%m-%d %H:%M}" if time else showable(iso)[:16]
