"""Finds the values of a scenario and of the user's environment that must not stay in a log or an error."""

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from loopbench.scenario.model import Scenario
from loopbench.scenario.requests import PlainRequest
from loopbench.scenario.templates import names_in
from loopbench.secrecy import ONLY_PLACEHOLDERS, PARAMETER, PASSWORD_IN_URL, PLACEHOLDER, is_telling

WITH_PLACEHOLDERS: Final = frozenset({"headers", "params", "json", "form"})
"""Tables of a request in which `${NAME}` stands for a variable."""

ASSIGNMENT: Final = re.compile(r"([\w-]+)=('[^']*'|\"[^\"]*\"|[^\s;&|()]+)")
"""In a shell command: `PGPASSWORD=...` or `--api-key=...`."""


def secret_values(scenario: Scenario, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield every value that a target or a generator might print: of headers, bodies, parameters and variables.

    Of the user's own variables, only those whose names suggest a secret, and passwords in URLs.
    """
    for target in (scenario.target, *(variant.served for variant in scenario.variants)):
        yield from _of_variables(target.env.values())
        yield from _of_command(f"{target.prepare or ''}\n{target.cleanup or ''}")
    for request in (*scenario.before, *scenario.requests, *scenario.variants):
        yield from _of_request(request)
    receipts = (variant.receipt.path for variant in scenario.variants if variant.receipt is not None)
    for path in (*receipts, *(each for timeline in scenario.timelines for each in timeline.requests)):
        yield from _of_query(path)
    yield from secret_variables(environ)


def secret_data(scenario: Scenario) -> Iterator[str]:
    """Yield the names of `[data]` whose values may be secret: by their own name, a column's, or where they stand."""
    requests = (*scenario.before, *scenario.requests, *scenario.variants)
    used = {
        name
        for each in requests
        for name in names_in(
            [each.headers, each.json_, each.form, each.body, {k: v for k, v in each.params.items() if is_telling(k)}]
        )
    }
    for name, data in scenario.data.items():
        if name in used or is_telling(name) or is_telling(getattr(data, "column", "")):
            yield name


def parts_of(value: str) -> Iterator[str]:
    """Yield a value of a variable or of an answer, and what an app may see of it in a header, a URL or JSON."""
    yield from (value, *_of_header(value), *_of_credential(value), *_passwords(value), *_of_login(value))


def moved_to_environment(tables: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a scenario's tables without the texts whose keys suggest a secret, and the variables that hold them.

    A target inherits its variables. In a request, `${NAME}` stands for the text.
    """
    variables: dict[str, str] = {}

    def moved(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: moved(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [moved(each, key) for each in value]
        if not isinstance(value, str) or not is_telling(key) or PLACEHOLDER.search(value):
            return value
        name = f"SECRET_{len(variables) + 1}_{re.sub('[^A-Z0-9]', '_', key.upper())}"
        variables[name] = value
        return f"${{{name}}}"

    changed = dict(tables)
    for table in ("before", "requests", "variants"):
        if table in tables:
            changed[table] = [
                {key: moved(value) if key in WITH_PLACEHOLDERS else value for key, value in request.items()}
                for request in tables[table]
            ]
    target = dict(tables["target"])
    if "env" in target:
        variables |= {name: value for name, value in target["env"].items() if is_telling(name)}
        target["env"] = {name: value for name, value in target["env"].items() if not is_telling(name)}
    return changed | {"target": target}, variables


def secret_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables whose names suggest a secret, and passwords in URLs."""
    yield from _of_variables(value for name, value in environ.items() if is_telling(name))
    yield from (each for value in environ.values() for each in _passwords(value))


def _of_variables(values: Any) -> Iterator[str]:
    for value in values:
        is_path = value.startswith("/") and os.path.exists(value)  # noqa: PTH110  for a text that is none, Path raises
        if not is_path:  # SSH_AUTH_SOCK, PWD: they stand in every traceback
            yield value
            yield from _of_credential(value)
        yield from _passwords(value)


def _of_command(command: str) -> Iterator[str]:
    """Values of variables and options whose names suggest a secret, and passwords in URLs: a shell may print them."""
    yield from (found[2].strip("'\"") for found in ASSIGNMENT.finditer(command) if is_telling(found[1]))
    yield from _passwords(command)


def _passwords(text: str) -> Iterator[str]:
    """The passwords of URLs in a text, as they stand there and as an app sees them."""
    for found in PASSWORD_IN_URL.finditer(text):
        yield from (found[2], unquote(found[2]))


def _of_credential(text: str) -> Iterator[str]:
    """The values in a variable's JSON whose names suggest a secret, such as a private key."""
    credential = _structure(text)
    if isinstance(credential, dict):
        yield from (leaf for name, value in credential.items() if is_telling(name) for leaf in _leaves(value))


def _of_request(request: PlainRequest) -> Iterator[str]:
    for value in request.headers.values():
        yield from _of_header(value)
    yield from map(str, request.params.values())
    yield from _of_query(request.path)
    yield from _leaves(request.json_)
    yield from map(str, request.form.values())
    yield from _leaves([value for name, value in request.expect.json_.items() if is_telling(name)])
    if request.body is not None:
        yield request.body
        yield from _of_body(request.body)


def _of_query(path: str) -> Iterator[str]:
    for found in PARAMETER.finditer(path):
        yield from (found[3], unquote_plus(found[3]))


def _of_header(value: str) -> Iterator[str]:
    """The value and its parts: the token after `Bearer`, each cookie, user and password of Basic authentication.

    An app sees a part without its quotes, and a cookie decoded.
    """
    if ONLY_PLACEHOLDERS.fullmatch(value):
        return
    yield value
    for part in re.split(r"[\s;,]+", value):
        for each in (part, part.partition("=")[2].strip("\"'")):
            yield from (each, unquote(each))
    for pair in value.split(";"):
        yield from _of_cookie(pair.partition("=")[2].strip())
    yield from _of_login(value.partition(" ")[2])


def _of_cookie(value: str) -> Iterator[str]:
    """A cookie without its quotes and escapes, as Python reads it."""
    try:
        plain = SimpleCookie(f"cookie={value}")["cookie"].value
    except (CookieError, KeyError):
        return
    yield from (plain, unquote(plain))


def _of_login(encoded: str) -> Iterator[str]:
    """User and password of Basic authentication."""
    try:
        login = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    yield from (login, login.partition(":")[2])


def _of_body(body: str) -> Iterator[str]:
    """The values in a body that an app may print one by one: of JSON or a form, else everything between marks."""
    try:
        yield from _leaves(json.loads(body))
    except (ValueError, RecursionError):
        yield from (value for _, value in parse_qsl(body)) if "=" in body else ()
        yield from re.split(r"[\s\"'<>&=,;{}\[\]()]+", body)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    elif value is not None:
        yield str(value)
        if isinstance(value, str):
            yield from _leaves(_structure(value))  # JSON in JSON


def _structure(text: str) -> Any:
    """The object or list that a text describes in JSON; None where it describes none."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
