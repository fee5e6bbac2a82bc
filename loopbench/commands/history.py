"""The command `history`: a scenario's figures over its earlier sessions, as a table, a chart, or JSON."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from loopbench.commands.options import RESULTS
from loopbench.console import say
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.judge.compare.history import Entry, History, Point, SessionEntry

MISSING: Final = "-"
SEVERAL: Final = "several"
MIN_COLUMNS: Final = 60
CHART_STEM: Final = "history"
LEGEND: Final = (
    "±: half-width of the 95 % interval over the rounds; (ramp): one run, none.",
    "verdict: of goodput, against the others of that session; several: see --json.",
    "change: against the session before, where the whole interval says so.",
)


def history(
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO", help="A scenario's file, or its folder of sessions.", show_default=False),
    ],
    *,
    tolerance: Annotated[
        float, typer.Option(min=0, max=10, help="A loss is a REGRESSION if its whole interval is beyond this.")
    ] = 0.10,
    chart: Annotated[bool, typer.Option("--chart", help="Draw it beside the sessions: history.svg and .png.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Print the figures of a scenario's earlier sessions, oldest first.

    Goodput and the neighbour's p99, of sessions with the same settings on the same machine.

    A change is marked only where its whole 95 % interval says so, against the session before.
    """
    from loopbench.judge.compare.history import history_values, read_history

    folder = _folder_of(scenario, out)
    found = read_history(folder, tolerance)
    if as_json:
        say(json.dumps(history_values(found), indent=1, allow_nan=False))
    else:
        width = max(MIN_COLUMNS, shutil.get_terminal_size((80, 24)).columns)
        for line in lines(found, width):
            say(line)
    if chart:
        from plots.history import write_history

        for path in write_history(found, folder / CHART_STEM):
            if not as_json:  # where it must stay readable for a program
                say(f"chart: {showable(str(path))}")


def _folder_of(scenario: Path, out: Path) -> Path:
    """Returns the folder of a scenario's sessions."""
    if scenario.is_dir():
        return scenario
    from loopbench.scenario import load

    return out / load(scenario).name


def lines(found: "History", width: int) -> Iterator[str]:
    """Yield the table, a block for each variant, no line wider than `width`."""
    count = len(found.sessions)
    yield _cut(f"{showable(found.title)}: {count} session{'s' * (count != 1)} alike, {found.users} users", width)
    for variant in found.variants:
        yield ""
        yield _cut(showable(variant), width)
        yield _cut(_header(found), width)
        for session, entry in found.row(variant):
            yield from (_cut(line, width) for line in _rows(session, entry))
    yield ""
    for line in LEGEND:
        yield _cut(line, width)
    for each in found.left_out:
        yield _cut(f"left out: {showable(each.name)}: {showable(each.reason)}", width)


def _header(found: "History") -> str:
    beside = "" if found.neighbour is None else f"{showable(found.neighbour)[:8]} p99 ms"
    return f"{'session (UTC)':<16}{'goodput/s':>14}{beside:>15} {'verdict':<13}change"


def _rows(session: "SessionEntry", entry: "Entry") -> Iterator[str]:
    """One line, and one more for a second mark."""
    beside = "" if entry.neighbour is None else _figure(entry.neighbour)
    marks = list(_marks(entry)) or [""]
    facts = f"{started(session.started):<16}{_figure(entry.goodput):>14}{beside:>15} {_words(entry):<13}"
    yield f"{facts}{marks[0]}".rstrip()
    for mark in marks[1:]:
        yield " " * len(facts) + mark


def _figure(point: "Point") -> str:
    """`487 ±2.1 %`."""
    from loopbench.judge.figures import rounded

    if point.value is None:
        return MISSING
    if not point.runs:
        return f"{rounded(point.value)} (ramp)"
    width = point.half_width
    return rounded(point.value) if width is None else f"{rounded(point.value)} {_half_width(width)}"


def _half_width(width: float) -> str:
    return "±>100 %" if width > 1 else f"±{100 * width:.2g} %"


def _words(entry: "Entry") -> str:
    words = {word for _, word in entry.words}
    return SEVERAL if len(words) > 1 else "".join(words)


def _marks(entry: "Entry") -> Iterator[str]:
    points = [("", entry.goodput)] + ([("p99 ", entry.neighbour)] if entry.neighbour is not None else [])
    for quantity, point in points:
        if point.mark and point.ratio is not None:
            yield f"{quantity}{point.mark} x{point.ratio:.2f}"


def started(iso: str) -> str:
    """`2026-11-20 10:22`, in UTC; as it is, where it is no time."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M}"
    except ValueError:
        return showable(iso)[:16]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"
