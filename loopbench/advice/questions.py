"""The routes to advise on, of an app or of a scenario, and the ordinary scenarios that ask about them. Pure."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from loopbench.advice.what_ifs import AS_WRITTEN, WhatIf
from loopbench.errors import UsageError
from loopbench.first_scenario.draft import CAPTURED, login_text, neighbour_of, target_table
from loopbench.first_scenario.places import AppPlace
from loopbench.first_scenario.reading import AppFacts, Endpoint
from loopbench.first_scenario.routes import Route, as_table, login_of, routes_of
from loopbench.scenario.model import slugs
from loopbench.scenario.requests import Request
from loopbench.scenario.route_patterns import fits
from loopbench.scenario.templates import UNIQUE, names_in
from loopbench.scenario.toml import toml_text, toml_value
from loopbench.scenario.values import MAX_VARIANTS
from loopbench.secrecy import public_target

LOAD: Final[Mapping[str, Any]] = MappingProxyType({"users": 80, "think_time_s": [0.01, 0.03], "drain_s": 15.0})
"""More users than anyio has threads, so that a queue for them shows; and pauses, so that a healthy loop has time."""
OWN_WEIGHT: Final = 2  # requests to the route for each one to its neighbour
PICTURE: Final = MappingProxyType({"warmup_s": 0.5, "hold_s": 4.0})
ROUNDS: Final = MappingProxyType({"min_rounds": 3, "precision": 0.1, "window_s": 3.0, "max_times_slower": 5.0})
SCREENING: Final = "screening"
REFERENCE: Final = "the neighbour itself"
MAX_ROUTES: Final = MAX_VARIANTS - 1  # of a screening, beside the neighbour
SHARED: Final = ("target", "load", "services", "secret", "before", "data", "requests")
"""Tables of a scenario that every question takes over."""
OF_REQUESTS: Final = frozenset(Request.model_fields) - {"json_"} | {"json"}
PATHS: Final = (("app_dir", "."), ("python", None))


@dataclass(frozen=True)
class Candidate:
    """A route to advise on."""

    request: Mapping[str, Any]  # its table in a scenario
    endpoint: Endpoint | None  # the function behind it; None: not known
    others: frozenset[tuple[str, str]] = frozenset()
    """File and name of the functions of other routes. They run beside this one, and a line of theirs is not its own."""

    @property
    def name(self) -> str:
        """Name in the session."""
        return str(self.request["name"])


@dataclass(frozen=True)
class Questions:
    """What is asked about, and under which load."""

    tables: Mapping[str, Any]  # tables that all scenarios share
    candidates: tuple[Candidate, ...]
    app_folder: Path  # files of the app are named as seen from here
    left_out: tuple[str, ...] = ()  # routes that cannot be requested as they are, each with the reason

    @property
    def neighbours(self) -> list[dict[str, Any]]:
        """Requests that every user also sends."""
        return list(self.tables.get("requests", []))

    def beside(self, neighbour: Candidate) -> "Questions":
        """Return the questions with another route as the neighbour of all."""
        return replace(self, tables={**self.tables, "requests": [{**neighbour.request, "weight": 1}]})

    def slug(self, candidate: Candidate) -> str:
        """Return the name of a route's scenario file."""
        names = [SCREENING, *(each.name for each in self.candidates)]
        return slugs(names)[1 + self.candidates.index(candidate)]


def questions_of_app(  # noqa: PLR0913  what `init` knows of an app, and the wishes of the user
    place: AppPlace,
    facts: AppFacts,
    folder: Path,
    python: Path | None,
    headers: Mapping[str, str] = MappingProxyType({}),
    wanted: Sequence[str] = (),
) -> Questions:
    """Return the safe routes of an app, or the wanted ones.

    Args:
        place: where the app is.
        facts: what it reports about itself.
        folder: where the scenarios will be: their paths are relative to it.
        python: the interpreter, if it is not ours.
        headers: of every request.
        wanted: routes as the user writes them, `GET /search?q=shoes`; none: every safe one.

    Raises:
        UsageError: a wanted route is not known or changes state, a placeholder has no value, or there is no route.
    """
    routes = routes_of(facts, headers)
    neighbour = neighbour_of(routes)
    safe = [route for route in routes if route.is_safe and route is not neighbour]
    chosen = [_wanted_route(text, routes, headers) for text in wanted] or safe
    login = login_of(facts) if any(CAPTURED in value for value in headers.values()) else ""
    tables = {
        "target": target_table(place, facts, folder / "any.toml", python),
        "load": dict(LOAD),
        "before": tomllib.loads(login_text(login))["before"] if login else [],
        "requests": [as_table(neighbour)] if neighbour else [],
    }
    _check_placeholders([*chosen, *filter(None, [neighbour])], {UNIQUE, *(names_in(CAPTURED) if login else ())})
    left_out = [f"{each.method} {each.template}: {each.reason}" for each in routes if not each.is_safe]
    asked = {table["name"]: table for table in map(_table, chosen)}  # a route may be named twice
    candidates = tuple(_candidate(table, facts.endpoints) for table in asked.values())
    return _checked(Questions(tables, candidates, place.folder, () if wanted else tuple(left_out)))


def questions_of_scenario(
    raw: Mapping[str, Any], file: Path, folder: Path, endpoints: Sequence[Endpoint], wanted: Sequence[str] = ()
) -> Questions:
    """Return the routes of a scenario, each request once.

    Args:
        raw: its tables.
        file: where it is: paths in it are relative to its folder.
        folder: where the scenarios will be.
        endpoints: of its app, as far as they are known.
        wanted: names of variants, or `GET /path`; none: all.

    Raises:
        UsageError: its users come from a locustfile, its target runs elsewhere, or a wanted route is not in it.
    """
    for table, key in (("load", "locustfile"), ("target", "url")):
        if key in raw.get(table, {}):
            what = f"advise moves single requests of an app that it starts, and {file} has [{table}] {key}"
            raise UsageError(what, slug="advise-scenario", where=str(file), allowed="requests in [[variants]], an app")
    own = [{key: value for key, value in variant.items() if key in OF_REQUESTS} for variant in raw["variants"]]
    requests = {toml_value({**each, "name": ""}): each for each in reversed(own)}  # the first of equal ones stays
    chosen = [table for table in reversed(requests.values()) if not wanted or _is_wanted(table, wanted)]
    tables = {key: raw[key] for key in SHARED if key in raw}
    tables["target"] = tables["target"] | {
        key: os.path.relpath(file.parent.absolute() / given, folder.absolute())
        for key, default in PATHS
        if (given := tables["target"].get(key, default)) is not None
    }
    tables["data"] = {name: _moved_data(each, file, folder) for name, each in raw.get("data", {}).items()}
    app_folder = file.parent.absolute() / raw["target"].get("app_dir", ".")
    candidates = tuple(_candidate(table, endpoints) for table in chosen)
    return _checked(Questions(tables, candidates, app_folder), ", ".join(wanted))


def _checked(questions: Questions, wanted: str = "") -> Questions:
    if questions.candidates:
        more = [
            f"{each.name}: more than {MAX_ROUTES} routes; --route names it"
            for each in questions.candidates[MAX_ROUTES:]
        ]
        return replace(questions, candidates=questions.candidates[:MAX_ROUTES], left_out=(*questions.left_out, *more))
    raise UsageError(
        f"there is no route {wanted}".rstrip() + " that can be requested as it is",
        slug="advise-routes",
        allowed="; ".join(questions.left_out),
        hints=("loopbench init, then loopbench advise scenario.toml: a scenario can hold bodies, logins and data",),
    )


def _check_placeholders(routes: Sequence[Route], known: AbstractSet[str]) -> None:
    for route in routes:
        for option, value, why in (
            ("--header", route.headers, ": no login is known that gives it"),
            ("--route", route.path, ""),
        ):
            if unknown := [name for name in names_in(value) if name not in known and not name.startswith("$")]:
                raise UsageError(
                    f"{{{unknown[0]}}} of {option} has no value{why}",
                    slug="advise-routes",
                    where=route.name,
                    hints=(
                        "loopbench init, then loopbench advise scenario.toml: a scenario can hold logins and data",
                        f"{option} with the value itself",
                    ),
                )


def _moved_data(values: Any, file: Path, folder: Path) -> Any:
    if not isinstance(values, dict) or "file" not in values:
        return values
    return values | {"file": os.path.relpath(file.parent.absolute() / values["file"], folder.absolute())}


def _is_wanted(table: Mapping[str, Any], wanted: Sequence[str]) -> bool:
    route = f"{table.get('method', 'GET')} {table['path']}"
    return any(each in (table["name"], route, table["path"]) for each in wanted)


def _table(route: Route) -> dict[str, Any]:
    return as_table(route) | {"name": f"{route.method} {route.name}", "weight": OWN_WEIGHT}


def _wanted_route(text: str, routes: Sequence[Route], headers: Mapping[str, str]) -> Route:
    """Return the route that a user names, with the path and query as given."""
    method, _, target = text.strip().rpartition(" ")
    method, path = (method or "GET").upper(), target.partition("?")[0]
    found = next((route for route in routes if route.method == method and is_path(route.template, path)), None)
    if method != "GET":
        what = f"{method} {path} may change state, and would be requested thousands of times"
        hint = "put it into a scenario with a disposable database: loopbench init, then loopbench advise scenario.toml"
        raise UsageError(what, slug="advise-routes", where=f"--route {text!r}", allowed="GET routes", hints=(hint,))
    if not path.startswith("/") or (routes and found is None):
        allowed = ", ".join(f"{route.method} {route.template}" for route in routes)
        raise UsageError(f"there is no route {text}", slug="advise-routes", where="--route", allowed=allowed)
    if found is not None and found.is_safe and target == found.template:
        return found
    name = public_target(target)  # it is in every file of the sessions
    return Route(method, target, name, headers=dict(headers), status=found.status if found else 200)


def is_path(template: str, path: str) -> bool:
    """Whether a path is one of a route's, `/items/{item_id}`."""
    template, path = template.rstrip("/"), path.rstrip("/")
    return path == template or fits(template, path)


def _candidate(request: Mapping[str, Any], endpoints: Sequence[Endpoint]) -> Candidate:
    method, path = request.get("method", "GET"), request["path"].partition("?")[0]
    found = next((each for each in endpoints if method in each.methods and is_path(each.path, path)), None)
    others = {(each.file, each.name.rpartition(".")[2]) for each in endpoints}
    own = {(found.file, found.name.rpartition(".")[2])} if found else others
    return Candidate(request, found, frozenset(others - own))


def screening(questions: Questions) -> str:
    """Return the scenario that shows every route once, and the neighbour by itself."""
    reference = [{**each, "name": REFERENCE} for each in questions.neighbours[:1]]
    return _scenario(
        questions,
        "Which of these routes harms itself or its neighbour?",
        [*(each.request for each in questions.candidates), *reference],
        repeat={"max_rounds": 0},
    )


def comparison(questions: Questions, candidate: Candidate, what_ifs: Sequence[WhatIf], max_rounds: int) -> str:
    """Return the scenario that compares a route as written with its what-ifs, in so many rounds at most."""
    named = [(AS_WRITTEN, {}), *((each.name, each.settings) for each in what_ifs)]
    variants = [{**candidate.request, "name": name, **settings} for name, settings in named]
    return _scenario(
        questions,
        f"{candidate.name}: which style?",
        variants,
        baseline=AS_WRITTEN,
        repeat={**ROUNDS, "max_rounds": max_rounds},
    )


def _scenario(questions: Questions, title: str, variants: Sequence[Mapping[str, Any]], **tables: Any) -> str:
    load = dict(questions.tables.get("load", {}))
    load |= PICTURE | {"spawn_rate": float(min(1_000, load.get("users", LOAD["users"])))}
    # A what-if that hangs takes a drain of every round, and all others wait for it.
    load["drain_s"] = min(load.get("drain_s", LOAD["drain_s"]), LOAD["drain_s"])
    shared = {key: value for key, value in questions.tables.items() if value}
    return toml_text({"title": title[:100]} | shared | {"load": load} | tables | {"variants": list(variants)})
