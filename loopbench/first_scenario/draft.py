"""The text of a first scenario: safe routes as variants, the rest as comments with the reason. Pure."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts
from loopbench.first_scenario.routes import NEEDS_LOGIN, Route, as_table, login_of
from loopbench.scenario.schema import SCHEMA_LINE
from loopbench.scenario.target import SERVERS
from loopbench.scenario.templates import UNIQUE, names_in
from loopbench.scenario.toml import toml_block, toml_value
from loopbench.showable import showable

USER_AND_PASSWORD: Final = ("APP_USER", "APP_PASSWORD")
CAPTURED: Final = "{token}"  # in a header: the token that the scenario's login captures

LOGIN: Final = """\
[[before]]                  # asked once for each run; the values of ${...} come from the environment
name = "login"
method = "POST"
path = %s
form = { username = "${%s}", password = "${%s}" }
capture = { token = "json:access_token" }
"""

UNKNOWN_LOGIN: Final = """\
# No login of this app is known, so %s has no value yet. Complete this request: its body, and where its token is.
# [[before]]
# name = "login"
# method = "POST"
# path = %s
# json = { username = "${%s}", password = "${%s}" }
# capture = %s   # or json:data.0.token, header:NAME, cookie:NAME
"""

MAX_VARIANTS: Final = 6  # more would make the first session long, and would rarely be worth comparing

HEALTH: Final = re.compile(
    r"(|.*/)(healthz?|health[-_]?check|livez?|liveness|readyz?|readiness|ping|heartbeat|hello)/?"
)

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
    neighbour: str  # the route that is asked beside every variant; empty if none looked like it
    left_out: int  # routes that stand in it as comments
    with_login: str  # the command that measures routes behind a login too; empty if none needs one
    variables: tuple[str, ...]  # of the environment, that its login needs
    unknown: tuple[str, ...]  # placeholders of its headers that have no value yet


def draft(place: AppPlace, facts: AppFacts, routes: Sequence[Route], file: Path, python: Path | None) -> Draft:
    """The scenario of these routes."""
    neighbour = neighbour_of(routes)
    safe = [route for route in routes if route.is_safe and route is not neighbour]
    chosen = safe[:MAX_VARIANTS]
    left_out = [route for route in routes if not route.is_safe] + safe[MAX_VARIANTS:]
    login = _login_part(facts, routes)
    unknown = _unknown(chosen, login)
    parts = [
        _head(place, facts),
        _block("[target]", target_table(place, facts, file, python)),
        LOAD,
        login,
        _unknown_login_part(unknown, routes),
        *_neighbour_part(neighbour, chosen),
        *(_block("[[variants]]", as_table(route)) for route in chosen),
        *_nothing_safe(facts, chosen),
        *_comments(facts, left_out),
    ]
    names = tuple(route.name for route in chosen)
    neighbour_name = neighbour.name if neighbour else ""
    return Draft(
        "\n".join(filter(None, parts)),
        names,
        neighbour_name,
        len(left_out),
        _with_login(facts, left_out),
        USER_AND_PASSWORD if login else (),
        unknown,
    )


def neighbour_of(routes: Sequence[Route]) -> Route | None:
    """A safe route that does next to nothing, by its name; never the only one there is to ask."""
    safe = [route for route in routes if route.is_safe]
    fitting = (route for route in safe if HEALTH.fullmatch(route.path) and not route.params)
    return next(fitting, None) if len(safe) > 1 else None


def _head(place: AppPlace, facts: AppFacts) -> str:
    name = showable(f"{place.module}:{facts.attribute}")
    return f"""\
{SCHEMA_LINE}
# Written by `loopbench init` from the routes of {name}. It is yours now.
#   loopbench plan FILE           what would run, in which order, how long
#   loopbench run FILE --quick    a first look; without --quick: rounds, intervals, verdicts
# The first line lets an editor check it while you type (VS Code with Tombi or Even Better TOML).

title = {toml_value(f"The routes of {name}")}
"""


def target_table(place: AppPlace, facts: AppFacts, file: Path, python: Path | None) -> dict[str, Any]:
    """The keys of `[target]` in a scenario `file`; `python` is the interpreter, if it is not ours."""
    folder = file.absolute().parent
    table = {"app": f"{place.module}:{facts.attribute}", "app_dir": _relative(place.folder, folder)}
    if place.cwd != ".":
        table["cwd"] = place.cwd
    if python is not None:
        table["python"] = _relative(python, folder)
    server = next((each for each in SERVERS if each in facts.servers), "uvicorn")
    if server != "uvicorn":
        table["server"] = server
    if "uvloop" not in facts.servers:
        table["loop"] = "asyncio"
    if "httptools" not in facts.servers and server == "uvicorn":
        table["http"] = "h11"
    return table


def _relative(path: Path, folder: Path) -> str:
    """As seen from the scenario's folder. Links stay links: that of an environment's Python is what makes it one."""
    return os.path.relpath(path.absolute(), folder)


def with_header(token: str) -> str:
    """The command that measures routes behind a login too."""
    return f'loopbench init --header "Authorization: Bearer {token}"'


def _with_login(facts: AppFacts, left_out: Sequence[Route]) -> str:
    if not any(route.reason.startswith(NEEDS_LOGIN) for route in left_out):
        return ""
    return f"{with_header(CAPTURED if login_of(facts) else 'TOKEN')} --out login.toml"


def login_text(path: str) -> str:
    """The request that logs in at `path`, as TOML."""
    return LOGIN % (toml_value(path), *USER_AND_PASSWORD)


def _login_part(facts: AppFacts, routes: Sequence[Route]) -> str:
    """The login whose token the headers of the routes contain; empty if they contain none."""
    login = login_of(facts)
    if not login or not any(CAPTURED in value for route in routes for value in route.headers.values()):
        return ""
    return login_text(login)


def _unknown(chosen: Sequence[Route], login: str) -> tuple[str, ...]:
    """Placeholders in the headers of these routes that no login captures."""
    names = {name for route in chosen for name in names_in(route.headers) if not name.startswith("$")}
    return tuple(sorted(names - {UNIQUE, *(names_in(CAPTURED) if login else ())}))


def _unknown_login_part(unknown: Sequence[str], routes: Sequence[Route]) -> str:
    """A login to complete, of a POST route that is called one; empty if every placeholder has a value."""
    if not unknown:
        return ""
    path = next((route.path for route in routes if route.method == "POST" and "login" in route.path), "/login")
    names = ", ".join(f"{{{name}}}" for name in unknown)
    captures = dict.fromkeys(unknown, "json:access_token")
    return UNKNOWN_LOGIN % (names, toml_value(showable(path)), *USER_AND_PASSWORD, toml_value(captures))


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
        if facts.unreadable:
            why = f"The OpenAPI of this app cannot be made: {showable(facts.unreadable)}\n# "
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
    if command := _with_login(facts, left_out):
        yield f"# Routes that need credentials become variants with:\n#   {command}\n"


def _line(route: Route) -> str:
    reason = route.reason or f"safe; {MAX_VARIANTS} variants are enough for a first look"
    path = route.template.removeprefix(f"{route.method} ")
    return showable(f"{route.method} {path}: {reason}")


def _block(header: str, table: Mapping[str, Any]) -> str:
    return toml_block(header, table, showable)
