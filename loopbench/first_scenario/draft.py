"""The text of a first scenario: safe routes as variants, the rest as comments with the reason. Pure."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts
from loopbench.first_scenario.routes import Route, as_table
from loopbench.showable import showable

MAX_VARIANTS: Final = 6
"""More would make the first session long, and would rarely be worth comparing."""

HEALTH: Final = re.compile(
    r"/|(|.*/)(healthz?|health[-_]?check|livez?|liveness|readyz?|readiness|ping|heartbeat|hello)/?"
)
BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

LOAD: Final = """\
[load]
users = 50                  # at full load
spawn_rate = 2              # users per second, on the way up
hold_s = 10                 # how long they stay
think_time_s = [0.01, 0.05] # pause after each answer; docs/choosing-load.md says how to choose

[repeat]
max_rounds = 5              # rounds of short runs on fresh servers, for intervals; 0: the ramps alone
"""


@dataclass(frozen=True)
class Draft:
    """A first scenario as text, and a summary of it."""

    text: str
    variants: tuple[str, ...]
    neighbour: str
    """The route that is asked beside every variant; empty if none looked like it."""
    left_out: int
    """Routes that stand in it as comments."""


def draft(place: AppPlace, facts: AppFacts, routes: Sequence[Route], file: Path, python: Path | None) -> Draft:
    """The scenario of these routes.

    Args:
        place: where the app is.
        facts: what the app reports about itself.
        routes: of `routes_of`.
        file: where it will stand: paths in it are relative to its folder.
        python: the interpreter, if it is not ours.
    """
    neighbour = _neighbour(routes)
    safe = [route for route in routes if route.is_safe and route is not neighbour]
    chosen = safe[:MAX_VARIANTS]
    left_out = [route for route in routes if not route.is_safe] + safe[MAX_VARIANTS:]
    parts = [
        _head(place, facts),
        _target(place, facts, file, python),
        LOAD,
        *_neighbour_part(neighbour, chosen),
        *(_block("[[variants]]", as_table(route)) for route in chosen),
        *_nothing_safe(facts, chosen),
        *_comments(facts, left_out),
    ]
    names = tuple(route.name for route in chosen)
    return Draft("\n".join(parts), names, neighbour.name if neighbour else "", len(left_out))


def _neighbour(routes: Sequence[Route]) -> Route | None:
    """A route that does next to nothing, by its name; never the only one there is to ask."""
    safe = [route for route in routes if route.is_safe]
    fitting = (route for route in safe if HEALTH.fullmatch(route.path) and not route.params)
    return next(fitting, None) if len(safe) > 1 else None


def _head(place: AppPlace, facts: AppFacts) -> str:
    name = f"{place.module}:{facts.attribute}"
    return f"""\
# Written by `loopbench init` from the routes of {name}. It is yours now.
#   loopbench plan FILE           what would run, in which order, how long
#   loopbench run FILE --quick    a first look; without --quick: rounds, intervals, verdicts
# Checked while you type (taplo, Even Better TOML): `loopbench schema > scenario.schema.json`, and as the first line
#   #:schema ./scenario.schema.json

title = {_toml(f"The routes of {name}")}
question = "Which of these routes is slow under load, and which makes the others wait?"
"""


def _target(place: AppPlace, facts: AppFacts, file: Path, python: Path | None) -> str:
    folder = file.absolute().parent
    table = {"app": f"{place.module}:{facts.attribute}", "app_dir": _relative(place.folder, folder)}
    if python is not None:
        table["python"] = _relative(python, folder)
    if "uvloop" not in facts.servers:
        table["loop"] = "asyncio"
    if "httptools" not in facts.servers:
        table["http"] = "h11"
    return _block("[target]", table)


def _relative(path: Path, folder: Path) -> str:
    """As seen from the scenario's folder. Links stay links: that of an environment's Python is what makes it one."""
    return os.path.relpath(path.absolute(), folder)


def _neighbour_part(neighbour: Route | None, chosen: Sequence[Route]) -> Iterator[str]:
    if neighbour is not None:
        yield _block("[[requests]]  # the neighbour: every user asks it too, in every variant", as_table(neighbour))
    elif chosen:
        yield (
            "# No route looks like a neighbour: one that does next to nothing, and that every user asks too, so that\n"
            "# what a variant does to innocent routes is measured as well.\n"
            '# [[requests]]\n# name = "health"\n# path = "/health"\n'
        )


def _nothing_safe(facts: AppFacts, chosen: Sequence[Route]) -> Iterator[str]:
    if not chosen:
        why = "" if facts.has_openapi else f"This app is a {showable(facts.type)} and has no OpenAPI to read.\n# "
        yield f'# {why}Name a route that may be asked again and again:\n# [[variants]]\n# name = "/"\n# path = "/"\n'


def _comments(facts: AppFacts, left_out: Sequence[Route]) -> Iterator[str]:
    lines = [f"#   {_line(route)}" for route in left_out]
    lines += [f"#   {showable(path) or '/'}: {showable(kind)} is mounted there" for path, kind in facts.mounts]
    if facts.hidden:
        lines.append(f"#   {facts.hidden} more, kept out of the app's OpenAPI (include_in_schema=False)")
    if lines:
        yield "\n".join(
            ["# Not asked, and why. `method`, `params`, `headers` and `json` can be given for each.", *lines, ""]
        )


def _line(route: Route) -> str:
    reason = route.reason or f"safe; {MAX_VARIANTS} variants are enough for a first look"
    return f"{route.method} {showable(route.template)}: {showable(reason)}"


def _block(header: str, table: Mapping[str, Any]) -> str:
    return "\n".join([header, *(f"{_key(key)} = {_toml(value)}" for key, value in table.items()), ""])


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    """A value as TOML has it. Its strings are JSON's, once nothing invisible is left in them (TOML 1.0, Strings)."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(showable(str(value)), ensure_ascii=False)
