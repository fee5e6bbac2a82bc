"""The command `map`: one scenario for all pairs of values of two keys, and a picture of the best variant of each."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench.commands.options import AsJson, Overrides, Rounds, Wait, below_results, named
from loopbench.console import Speech, print_error, say
from loopbench.errors import CannotTellError, LoopbenchError, UsageError
from loopbench.showable import showable

if TYPE_CHECKING:
    from loopbench.commands.series import MeasuredSession
    from loopbench.judge.decision_map import Axis, Cell, DecisionMap
    from loopbench.scenario import Scenario

STEM = "map"


def map_(  # noqa: PLR0913  one parameter an option
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario's TOML file.", show_default=False)],
    *,
    x: Annotated[str, typer.Option(metavar="KEY=[VALUES]", help="A scenario key and its values, left to right.")],
    y: Annotated[str, typer.Option(metavar="KEY=[VALUES]", help="The same, from the bottom up.")],
    override: Overrides = None,
    rounds: Rounds = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="For all cells: start nothing that would end later.")
    ] = None,
    wait: Wait = False,
    out: Annotated[Path, below_results("map", "Folder for the sessions and the picture.")],
    as_json: AsJson = False,
) -> None:
    """Draw which variant is best for which values of two keys.

    Each cell is an ordinary session, which `loopbench report` draws. Cells that are complete are kept, so the same
    command continues a map.
    """
    from loopbench.commands.series import GO_ON, Series
    from loopbench.judge.decision_map import grid
    from loopbench.scenario import load

    across, up = _axis("--x", x), _axis("--y", y)
    questions = {
        (column, row): load(named(scenario), (*(override or ()), _set(across, column), _set(up, row)), rounds=rounds)
        for column, row in grid(across, up)
    }
    across, up = _public(across), _public(up)
    speech = Speech(as_json=as_json)
    series = Series(out, max_minutes, quick=False, wait=wait, words=speech.words)
    cells = []
    for number, ((column, row), question) in enumerate(questions.items(), 1):
        place = f"{showable(_set(across, column))} {showable(_set(up, row))}"
        say(f"\n[{number}/{len(questions)}] {place}", speech.words)
        cells.append(_cell(column, row, series.visit(question)))
    made = _made(questions[0, 0], across, up, tuple(cells))
    _finish(made, out / questions[0, 0].name, speech)
    if series.interrupted is not None:
        from loopbench.commands.ending import leave_if_ended_early

        leave_if_ended_early(series.interrupted)
    if not any(cell.rankings for cell in cells):
        raise CannotTellError("not one cell was measured", slug="map-empty", hints=("read the errors above", GO_ON))


def _axis(option: str, text: str) -> "Axis":
    from loopbench.judge.decision_map import Axis

    key, _, values = text.partition("=")
    try:
        found = tomllib.loads(f"values = {values}")["values"]
    except (ValueError, RecursionError):
        found = None
    if not (key.strip() and isinstance(found, list) and found) or not all(
        isinstance(each, str | int | float) for each in found
    ):
        raise UsageError(
            f"{option} {showable(text)!r} is not KEY=[VALUES]",
            slug="map-axis",
            hints=(f"{option} 'load.users=[10, 50, 100]'",),
        )
    return Axis(key.strip(), tuple(found))


def _public(axis: "Axis") -> "Axis":
    """Returns an axis that may be shown: its values are hidden where a session hides them."""
    from loopbench.secrecy import hide, may_be_secret

    is_secret = may_be_secret(axis.key.split("."))
    return replace(axis, values=tuple(map(hide, axis.values))) if is_secret else axis


def _set(axis: "Axis", place: int) -> str:
    return f"{axis.key}={json.dumps(axis.values[place])}"


def _cell(column: int, row: int, visit: "MeasuredSession") -> "Cell":
    from loopbench.judge.decision_map import Cell, cell_of
    from loopbench.judge.session.session_report import judge_session

    session, (why, _) = visit
    if session is None:
        return Cell(column, row, trouble=why)
    try:
        return cell_of(column, row, judge_session(session), why)
    except LoopbenchError as error:
        print_error(error)
        return Cell(column, row, session.name, trouble=error.what)


def _made(question: "Scenario", x: "Axis", y: "Axis", cells: tuple["Cell", ...]) -> "DecisionMap":
    from loopbench.judge.decision_map import DecisionMap
    from loopbench.measure.machine import available_cores, divide_cores

    served_on = divide_cores(available_cores()).used_by(question.target)
    return DecisionMap(question, x, y, max(1, len(served_on)), cells)


def _finish(made: "DecisionMap", folder: Path, speech: Speech) -> None:
    """Write the picture and `map.json`, and print what every cell says."""
    from loopbench.judge.decision_map import map_values
    from loopbench.plots import panels, style
    from loopbench.plots.decision_map import chart
    from loopbench.records.files import write_file

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(map_values(made), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_file(folder / f"{STEM}.json", text)
    words = speech.words
    say("", words)
    for cell in made.cells:
        place = f"{made.x.name} {made.x.values[cell.x]}, {made.y.name} {made.y.values[cell.y]}"
        for ranking in cell.rankings:
            if ranking.verdict is not None:
                say(f"{showable(place)}: {showable(ranking.verdict.sentence)}", speech.results)
        if cell.trouble:
            say(f"{showable(place)}: not measured to the end: {showable(cell.trouble)}", words)
    drawn = chart(made, style.Palette(made.variants))
    for path in style.save(drawn.draw(panels.FILE), folder / STEM) if drawn else ():
        say(f"picture: {path}", words)
    speech.give(text)
