"""The commands `init` and `schema`: a first scenario of the user's app, and the schema for an editor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopbench.commands.options import OWN_SCENARIO
from loopbench.console import say
from loopbench.errors import UsageError

if TYPE_CHECKING:
    from loopbench.first_scenario.draft import Draft
    from loopbench.first_scenario.reading import AppFacts


def init(
    *,
    app: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="The app; default: found as `fastapi dev` finds it.")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The Python of the app; default: .venv or venv here, else loopbench's."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The scenario to write; never overwritten.")] = OWN_SCENARIO,
) -> None:
    """Write a first scenario from the routes of your own app.

    It holds the routes that can be requested as they are; the others are comments with the reason.
    """
    from loopbench.first_scenario.draft import draft
    from loopbench.first_scenario.places import find_app, find_python
    from loopbench.first_scenario.reading import read_app
    from loopbench.first_scenario.routes import routes_of

    _check_is_new(out)
    project = Path.cwd()
    place, interpreter = find_app(project, app), find_python(project, python)
    facts = read_app(place, interpreter)
    theirs = None if interpreter == Path(sys.executable) else interpreter
    made = draft(place, facts, routes_of(facts), out, theirs)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(made.text)
    except FileExistsError:
        _check_is_new(out)
        raise
    _say_what_was_made(made, facts, interpreter, out)


def schema(
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as a page to read: docs/scenario-reference.md.")
    ] = False,
) -> None:
    """Print the format of scenarios as a JSON Schema, for editors."""
    from loopbench.scenario.reference import scenario_reference
    from loopbench.scenario.schema import scenario_schema_text

    say((scenario_reference() if markdown else scenario_schema_text()).removesuffix("\n"))


def _check_is_new(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise UsageError(
            f"{out} is there already, and is not overwritten",
            slug="scenario-exists",
            where=str(out),
            hints=("--out another.toml", f"loopbench plan {out}"),
        )


def _say_what_was_made(made: "Draft", facts: "AppFacts", python: Path, out: Path) -> None:
    from loopbench.showable import showable

    neighbour = f", {showable(made.neighbour)} beside each" if made.neighbour else ""
    routes = "route" if len(made.variants) == 1 else "routes"
    say(f"wrote {out}: {len(made.variants)} {routes} to measure{neighbour}; {made.left_out} left out, each with why")
    if not facts.has_openapi:
        say(f"the app is a {showable(facts.type)}: it has no OpenAPI, so its routes are not known")
    if "uvicorn" not in facts.servers:
        say(f"its Python has no uvicorn, which serves it: {python} -m pip install uvicorn")
    if not made.variants:
        say(f"nothing can be measured yet: name a route in {out}")
        return
    say(f"  next: loopbench plan {out}")
    say(f"  then: loopbench run {out} --quick")
