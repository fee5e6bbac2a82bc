"""Which routes of an app may be asked as they are, and why the others may not. Pure: from OpenAPI to requests.

An OpenAPI document is foreign data: whatever in it is not as it should be makes a route one that cannot be asked.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from loopbench.first_scenario.reading import AppFacts, Document
from loopbench.scenario.requests import Request
from loopbench.scenario.templates import names_in
from loopbench.scenario.toml import toml_block
from loopbench.showable import showable

METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
OWN_PATHS: Final = frozenset({"/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"})
SOUNDS_LIKE_A_CHANGE: Final = frozenset(
    {"clear", "delete", "drop", "logout", "purge", "remove", "reset", "restart", "shutdown", "signout", "stop"}
)
"""Words in the path of a GET route that suggest a change of state."""

ENDLESS: Final = "text/event-stream"
ENDLESS_REASON: Final = "streams events, perhaps without an end"
NEEDS_LOGIN: Final = "needs credentials"
MAX_NAME_CHARACTERS: Final = 200


@dataclass(frozen=True)
class Route:
    """One operation of the app. Without a reason against it, it can be asked as it stands here."""

    method: str
    path: str
    """With its parameters filled in, as far as there are values for them."""
    template: str
    reason: str = ""
    status: int = 200
    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    """The value of the scenario's key `json` or `form`; empty without a body."""

    @property
    def is_safe(self) -> bool:
        """Whether it may be asked ten thousand times."""
        return not self.reason

    @property
    def name(self) -> str:
        """In a scenario."""
        return showable(self.template)[:MAX_NAME_CHARACTERS]


class _Parameter(BaseModel):
    name: str
    place: str = Field(alias="in")
    required: bool = False
    schema_: dict[str, Any] = Field(default={}, alias="schema")
    example: Any = None
    examples: dict[str, Any] = {}


class _Operation(BaseModel):
    deprecated: bool = False
    parameters: list[_Parameter] = []
    request_body: dict[str, Any] = Field(default={}, alias="requestBody")
    security: list[dict[str, Any]] | None = None
    responses: dict[str, Any] = {}


class _CannotFillError(Exception):
    """A required parameter for which the document gives no value."""


def routes_of(facts: AppFacts, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[Route, ...]:
    """Every operation of an app and of the apps mounted in it, in the order of its documents.

    Args:
        facts: what the app reports about itself.
        headers: of a user who is logged in: with any, routes that need credentials are asked with them.
    """
    asked = _Asked(frozenset(facts.streams), headers)
    return tuple(route for document in facts.documents for route in _routes(document, asked))


def login_of(facts: AppFacts) -> str:
    """The path that gives a token for user and password (OAuth2), as a security scheme names it; empty without one."""
    tables = [document.openapi.get("components") for document in facts.documents]
    found = re.search(r'"tokenUrl": "(/?[!#-~]+)"', json.dumps(tables))
    return "/" + found[1].removeprefix("/") if found else ""


@dataclass(frozen=True)
class _Asked:
    """What is known besides the documents."""

    streams: frozenset[str]
    headers: Mapping[str, str]


def _routes(document: Document, asked: _Asked) -> Iterator[Route]:
    paths = document.openapi.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict) or path in OWN_PATHS:
            continue
        for method in METHODS:
            if method in item:
                yield _route(method.upper(), path, item, document, asked)


def _route(method: str, path: str, item: dict[str, Any], document: Document, asked: _Asked) -> Route:
    template = document.prefix + path
    bare = Route(method, template, template)
    if method != "GET":
        return _refused(bare, "answers without a body" if method in {"HEAD", "OPTIONS"} else f"{method} changes state")
    try:
        operation = _Operation.model_validate(_with_inherited(item[method.lower()], item, document.openapi))
        reason = ENDLESS_REASON if template in asked.streams else _reason(operation, template)
        if not reason and not asked.headers:
            reason = _login_reason(operation)
        return _refused(bare, reason) if reason else check_writable(_filled(bare, operation, asked.headers))
    except _CannotFillError as missing:
        return _refused(bare, str(missing))
    except (ValidationError, TypeError, AttributeError, KeyError, ValueError):
        return _refused(bare, "its description is not OpenAPI as we know it")


def _with_inherited(raw: Any, item: dict[str, Any], openapi: dict[str, Any]) -> dict[str, Any]:
    """An operation with the parameters of its path, the security of its document, and no references left in them."""
    parameters = [_resolved(each, openapi) for each in [*item.get("parameters", []), *raw.get("parameters", [])]]
    for parameter in parameters:
        parameter["schema"] = _resolved(parameter.get("schema", {}), openapi)
    inherited = {"security": openapi.get("security")}
    return inherited | dict(raw) | {"parameters": parameters}


def _resolved(value: Any, openapi: dict[str, Any]) -> dict[str, Any]:
    """A copy of a table, or of what it refers to in the same document (`#/components/schemas/Color`), one step far."""
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        value = openapi
        for name in reference.removeprefix("#/").split("/"):
            value = value[name]
    return dict(value)


def _refused(route: Route, reason: str) -> Route:
    return Route(route.method, route.path, route.template, reason)


def _reason(operation: _Operation, template: str) -> str:
    """Against asking it at all; empty if there is none."""
    if operation.deprecated:
        return "deprecated"
    if operation.request_body.get("required"):
        return "needs a body"
    change = next((word for word in re.split(r"[^a-z]+", template.lower()) if word in SOUNDS_LIKE_A_CHANGE), "")
    if change:
        return f"its name says that it changes something ({change})"
    return ENDLESS_REASON if ENDLESS in _media_types(operation) else ""


def _login_reason(operation: _Operation) -> str:
    """That it needs credentials, and of which security schemes; empty if it can be asked without."""
    schemes = [name for choice in operation.security or [] for name in choice]
    needed = schemes and {} not in (operation.security or [])
    return f"{NEEDS_LOGIN} ({', '.join(dict.fromkeys(schemes))})" if needed else ""


def _media_types(operation: _Operation) -> set[str]:
    contents = (answer.get("content") for answer in operation.responses.values() if isinstance(answer, dict))
    return {name for content in contents if isinstance(content, dict) for name in content}


def _filled(route: Route, operation: _Operation, given: Mapping[str, str]) -> Route:
    """With a value for each parameter that has to be there, and the given headers."""
    path, params, headers = route.template, dict[str, Any](), dict(given)
    names_given = {name.lower() for name in given}
    for parameter in operation.parameters:
        if not parameter.required or (parameter.place == "header" and parameter.name.lower() in names_given):
            continue
        value = _value(parameter)
        if parameter.place == "path":
            path = path.replace(f"{{{parameter.name}}}", quote(_text(value), safe=""))
        elif parameter.place == "query":
            params[parameter.name] = value
        elif parameter.place == "header":
            headers[parameter.name] = _text(value)
        else:
            raise _CannotFillError(f"needs the {parameter.place} {parameter.name}")
    left = re.search(r"\{([^}]*)\}", path)
    if left:  # of a mount, or one that the document forgot
        raise _CannotFillError(f"needs a path parameter {left[1]}")
    return Route(route.method, path, route.template, "", _status(operation), params, headers)


def _value(parameter: _Parameter) -> str | int | float | bool:
    """The first value the document gives: an example, the default, the only one or the first that is allowed."""
    schema = parameter.schema_
    named = (each.get("value") for each in parameter.examples.values() if isinstance(each, dict))
    listed = (each for key in ("examples", "enum") for each in _list(schema.get(key)))
    single = (schema.get(key) for key in ("const", "default", "example"))
    for value in (parameter.example, *named, *single, *listed):
        if isinstance(value, str | int | float | bool) and value != "" and not any(names_in(value)):
            return value
    kind = {"path": "a path parameter", "query": "a query parameter", "header": "a header"}.get(parameter.place)
    raise _CannotFillError(f"needs {kind or 'the ' + parameter.place} {parameter.name}")


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: str | float | bool) -> str:
    """As it goes into a path or a header."""
    return value if isinstance(value, str) else json.dumps(value)


def _status(operation: _Operation) -> int:
    """What the route promises: the lowest code of success or redirection, 200 if it names none."""
    codes = [int(code) for code in operation.responses if re.fullmatch(r"[23][0-9][0-9]", code)]
    return min(codes, default=200)


def check_writable(route: Route) -> Route:
    """As it is, if a scenario may hold it."""
    try:
        Request.model_validate(as_table(route))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        return _refused(route, f"cannot be written down: {key} is not plain ASCII text")
    return route if _survives_toml(as_table(route)) else _refused(route, "cannot be written down as TOML: see its body")


def _survives_toml(table: Mapping[str, Any]) -> bool:
    """Whether the text of a table holds the same values: TOML has no null, no unpaired surrogates, and a depth."""
    try:
        text = toml_block("", table, showable)
        return tomllib.loads(text) == table and bool(text.encode())
    except (RecursionError, ValueError):
        return False


def as_table(route: Route) -> dict[str, Any]:
    """The keys of a scenario's request that are not at their defaults."""
    table: dict[str, Any] = {"name": route.name, "path": route.path}
    table |= {key: dict(value) for key, value in (("params", route.params), ("headers", route.headers)) if value}
    table |= {"method": route.method} if route.method != "GET" else {}
    table |= route.body
    return table | ({} if route.status == 200 else {"expect": {"status": route.status}})
