"""The commands `init` and `schema`: a first scenario of the user's app, and the schema for an editor."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from loopbench.commands.options import OWN_SCENARIO, AppPython, AsJson, Headers, chosen, scenario_above
from loopbench.commands.project import project_path
from loopbench.console import Speech, say
from loopbench.errors import UsageError

if TYPE_CHECKING:
    from loopbench.first_scenario.draft import Draft
    from loopbench.first_scenario.places import AppPlace
    from loopbench.first_scenario.reading import AppFacts
    from loopbench.first_scenario.routes import Route


def init(  # noqa: PLR0913  one parameter an option
    *,
    app: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="The app; default: found as `fastapi dev` finds it.")
    ] = None,
    python: AppPython = None,
    header: Headers = None,
    curl: Annotated[
        list[str] | None,
        typer.Option(metavar="COMMAND", help="A curl command to measure instead of the app's routes; repeatable."),
    ] = None,
    har: Annotated[
        Path | None,
        typer.Option("--from", metavar="HAR", help="A browser's HAR file: its requests instead of the app's routes."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The scenario to write; never overwritten.")] = OWN_SCENARIO,
    as_json: AsJson = False,
) -> None:
    """Write a first scenario from the routes of your own app.

    It holds the routes that can be requested as they are; the others are comments with the reason.
    """
    from loopbench.first_scenario.places import find_app
    from loopbench.first_scenario.recorded_requests import routes_of_curl, routes_of_har
    from loopbench.secrecy import remember

    _check_is_new(out)
    given = [header_from_environment(text) for text in header or ()]
    headers = {name: value for name, value, _ in given}
    variables = {name: value for *_, taken in given for name, value in taken.items()}
    remember(variables.values())
    place = find_app(Path.cwd(), app)
    recorded = (*(routes_of_har(har) if har else ()), *routes_of_curl(curl or ()))
    speech = Speech(as_json=as_json)
    tell = partial(say, stream=speech.results)
    made, name, path = _write(place, python, out, tell, recorded, headers)
    for variable in variables:
        tell(f"  the value of a --header is in no file: export {variable}=... before a run")
    if made.variants:
        tell(f"  next: loopbench plan {out}")
        tell(f"  then: loopbench run {out} --quick")
    values = {"file": str(out), "app": name, "python": str(path), "routes": made.variants}
    environment = [*variables, *made.variables]
    more = {"neighbour": made.neighbour or None, "left_out": made.left_out, "environment": environment}
    speech.give(json.dumps(values | more, indent=1))


def chosen_or_first(scenario: Path | None, speech: Speech, *, quick: bool) -> Path:
    """Return the named scenario or the project's own; if there is none but an app, write its first one.

    Raises:
        TargetError: the app does not import, or is no app.
        UsageError: there is no scenario and no app, or several files make one.
    """
    from loopbench.first_scenario.places import check_one_app, find_app

    try:
        return chosen(scenario)
    except UsageError as missing:
        if scenario is not None or project_path("scenario") or any(scenario_above()):
            raise
        try:
            place = find_app(Path.cwd())
        except UsageError as problem:
            is_nothing_here = problem.where == str(Path.cwd())  # and not an entrypoint that names no file
            raise missing if is_nothing_here else problem from None
    check_one_app(Path.cwd())
    _write(place, None, OWN_SCENARIO, speech.say)
    if not quick:
        speech.say("  a first look, in short runs: loopbench run --quick")
    return OWN_SCENARIO


class _Written(NamedTuple):
    """A first scenario that is in a file now."""

    draft: "Draft"
    app: str
    python: Path


def _write(  # noqa: PLR0913  what a first scenario is made from
    place: "AppPlace",
    python: Path | None,
    out: Path,
    tell: Callable[[str], None],
    recorded: "Sequence[Route]" = (),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> "_Written":
    """Read an app's routes, write its first scenario, and print what is in it."""
    from loopbench.first_scenario.draft import draft
    from loopbench.first_scenario.places import find_python
    from loopbench.first_scenario.reading import read_app
    from loopbench.first_scenario.routes import routes_of
    from loopbench.measure.interpreter import is_own

    found = find_python(place.folder, python or project_path("python"))
    facts = read_app(place, found.path)
    theirs = None if is_own(str(found.path)) else found.path
    made = draft(place, facts, recorded or routes_of(facts, headers), out, theirs)
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(made.text)
    except FileExistsError:
        _check_is_new(out)
        raise
    name = f"{place.module}:{facts.attribute}"
    where = "" if place.folder.samefile(Path.cwd()) else f" in {os.path.relpath(place.folder)}"
    tell(f"found {name}{where}, run by {os.path.relpath(found.path)} ({found.why})")
    for line in _what_was_made(made, facts, found.path, out):
        tell(line)
    return _Written(made, name, found.path)


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


def parsed_header(text: str) -> tuple[str, str]:
    """Returns name and value of a --header.

    Raises:
        UsageError: it has no name or no colon.
    """
    from loopbench.first_scenario.draft import with_header

    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(
            "--header is not NAME:VALUE: it has no name or no colon", slug="header", hints=(with_header("TOKEN"),)
        )
    return name.strip(), value.strip()


def header_from_environment(text: str) -> tuple[str, str, dict[str, str]]:
    """Returns name and value of a --header for a scenario's file, and the variable that holds the value given.

    The value in the file names the variable. A value with a placeholder stays as it is, without a variable.
    """
    name, value = parsed_header(text)
    if "{" in value:
        return name, value, {}
    variable = f"HEADER_{re.sub('[^A-Z0-9]', '_', name.upper())}"
    return name, f"${{{variable}}}", {variable: value}


def _check_is_new(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise UsageError(
            f"{out} is there already, and is not overwritten",
            slug="scenario-exists",
            where=str(out),
            hints=("--out another.toml", f"loopbench plan {out}"),
        )


def _what_was_made(made: "Draft", facts: "AppFacts", python: Path, out: Path) -> Iterator[str]:
    """Yield what is in a first scenario, and what it lacks."""
    from loopbench.measure.interpreter import old_server
    from loopbench.scenario.target import SERVERS
    from loopbench.showable import showable

    neighbour = f", {showable(made.neighbour)} beside each" if made.neighbour else ""
    routes = "route" if len(made.variants) == 1 else "routes"
    yield f"wrote {out}: {len(made.variants)} {routes} to measure{neighbour}; {made.left_out} left out, each with why"
    if not facts.has_openapi:
        yield f"the app is a {showable(facts.type)}: it has no OpenAPI, so its routes are not known"
    if facts.unreadable:
        yield f"its OpenAPI cannot be made: {showable(facts.unreadable)}"
    if old := old_server(str(python)):
        yield old
    if not facts.servers.intersection(SERVERS):
        yield f"its Python has no server: {python} -m pip install uvicorn"
    if made.with_login:
        yield f"  routes behind a login: {made.with_login}"
    if made.variables:
        yield f"  the login needs: export {' '.join(f'{name}=...' for name in made.variables)}"
    for name in made.unknown:
        yield f"  no login is known that gives {{{name}}}: complete [[before]] in {out} first"
    if not made.variants:
        yield f"nothing can be measured yet: name a route in {out}"
