"""Requests of a user as routes: curl command lines, and HAR files that a browser exports.

Only those to the origin of the first request are used. What may be a secret becomes `${NAME}`, an environment variable.
"""

import argparse
import contextlib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote_plus, urlsplit

from loopbench.errors import UsageError
from loopbench.first_scenario.routes import MAX_NAME_CHARACTERS, Route, check_writable
from loopbench.records.codec import parse_json
from loopbench.records.files import read_file
from loopbench.secrecy import PARAMETER, PASSWORD_IN_URL, PLACEHOLDER, is_telling, looks_random

MAX_HAR_BYTES: Final = 200_000_000
MAX_CHARACTERS: Final = 16_000  # of a URL and a body: a scenario holds 64 KiB
SCHEMES: Final = frozenset({"http", "https"})
FIELD: Final = re.compile(r"[\w.\[\]-]+")  # the name of a form's field; another text with `=` is no form
QUOTED: Final = re.compile(r"""(?<![\w-])([\w-]++)\\*["']?\s*[:=]\s*\\*["']""")
"""In a text, such as JSON or GraphQL within JSON: a name before a quoted value."""

WITHOUT_EFFECT: Final = (
    *("-s", "--silent", "-S", "--show-error", "-i", "--include", "-v", "--verbose", "-k", "--insecure", "-f", "--fail"),
    *("-g", "--globoff", "-N", "--no-buffer", "-L", "--location", "--compressed", "--http1.1", "--http2"),
)
WITH_VALUES_WITHOUT_EFFECT: Final = (
    *("-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout", "-A", "--user-agent"),
    *("-e", "--referer"),
)
"""Options of curl that change no request, or only a header in `DROPPED`."""

DROPPED: Final = re.compile(
    r":.*|sec-.*|host|content-length|content-type|connection|accept-encoding|user-agent|origin|referer|if-.*",
    re.IGNORECASE,
)
"""Headers of the browser or of the connection."""


class _Recorded(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: str = ""
    status: int = 200


def routes_of_curl(commands: Iterable[str]) -> tuple[Route, ...]:
    """Return the requests of curl command lines.

    Raises:
        UsageError: one is no curl command with a URL.
    """
    return _routes([_of_curl(command) for command in commands])


def routes_of_har(file: Path) -> tuple[Route, ...]:
    """Return the requests of a HAR file.

    Raises:
        UsageError: it is no HAR file.
        DataError: it cannot be read.
    """
    try:
        entries = parse_json(read_file(file, MAX_HAR_BYTES))["log"]["entries"]
        return _routes([_of_har(entry["request"], entry["response"]["status"]) for entry in entries])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise UsageError(f"{file} is not a HAR file", slug="har", where=str(file)) from None


def _of_curl(command: str) -> _Recorded:
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False, allow_abbrev=False)
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-X", "--request")
    parser.add_argument("-d", "--data", "--data-raw", "--data-binary", "--json", "--data-ascii", action="append")
    parser.add_argument("-b", "--cookie")
    parser.add_argument("-u", "--user")
    parser.add_argument("--url", default="")
    parser.add_argument(*WITHOUT_EFFECT, action="store_true")
    parser.add_argument(*WITH_VALUES_WITHOUT_EFFECT)
    try:
        given, words = parser.parse_known_args(shlex.split(command.replace("\\\n", " ")))
        url = next(word for word in (given.url, *words[1:]) if urlsplit(word).scheme in SCHEMES)
    except (ValueError, argparse.ArgumentError, StopIteration):
        what = "--curl is not a curl command with an http:// or https:// URL"
        raise UsageError(what, slug="curl", hints=("--curl 'curl http://127.0.0.1:8000/items'",)) from None
    if unknown := next((word for word in words[1:] if word.startswith("-")), ""):
        option = unknown.partition("=")[0] if unknown.startswith("--") else unknown[:2]
        raise UsageError(
            f"--curl has the option {option}, which init does not know: without it, the request would be another",
            slug="curl",
            hints=("write the request into the scenario yourself",),
        )
    headers = {name.strip(): value.strip() for name, _, value in (each.partition(":") for each in given.header)}
    headers |= {"Cookie": given.cookie} if given.cookie else {}
    headers |= {"Authorization": given.user} if given.user else {}
    body = "&".join(given.data or ())
    return _Recorded((given.request or ("POST" if body else "GET")).upper(), url, headers, body)


def _of_har(request: Mapping[str, Any], status: int) -> _Recorded:
    headers = {str(each["name"]): str(each["value"]) for each in request["headers"]}
    body = (request.get("postData") or {}).get("text") or ""
    return _Recorded(str(request["method"]).upper(), str(request["url"]), headers, str(body), int(status))


def _routes(recorded: Iterable[_Recorded]) -> tuple[Route, ...]:
    """Each request once, in order."""
    found: dict[str, Route] = {}
    origin = None
    for each in recorded:
        parts = urlsplit(each.url)
        if parts.scheme not in SCHEMES:
            continue
        origin = origin or (parts.scheme, parts.netloc)
        if (parts.scheme, parts.netloc) == origin:
            route = _route(each)
            found.setdefault(route.template, route)
    return tuple(found.values())


def _route(recorded: _Recorded) -> Route:
    if len(recorded.url) + len(recorded.body) > MAX_CHARACTERS:
        path = urlsplit(recorded.url).path[:MAX_NAME_CHARACTERS]
        return Route(recorded.method, path, path, "it is too large for a scenario")
    parts = urlsplit(recorded.url)
    query = "&".join(_query(parts.query))
    segments = "/".join(
        _variable(f"PATH_{number}") if looks_random(each) else each for number, each in enumerate(parts.path.split("/"))
    )
    path = f"{segments or '/'}{'?' if query else ''}{query}"
    template = path if recorded.method == "GET" else f"{recorded.method} {path}"
    recorded_headers = {name: value for name, value in recorded.headers.items() if not DROPPED.fullmatch(name)}
    headers = {name: _public_header(name, value) for name, value in recorded_headers.items()}
    kind, body = _body(recorded.body)
    reason = "its body is neither JSON nor a form" if recorded.body and not kind else ""
    if found := PLACEHOLDER.search("\n".join(_texts(recorded, recorded_headers))):
        reason = f"it holds {found[0]}, which a scenario would replace"
    if any(map(looks_random, _names(parts.query, kind, body))):
        reason = "a name in it looks like a secret"
    if not 200 <= recorded.status < 400:
        reason = f"its answer was {recorded.status} when it was recorded"
    bodies = {kind: body} if kind and not reason else {}
    route = Route(recorded.method, path, template, reason, recorded.status, headers=headers, body=bodies)
    return route if reason else check_writable(route)


def _texts(recorded: _Recorded, headers: Mapping[str, str]) -> Iterator[str]:
    """Yield all that is written down, also without the encodings that writing it removes."""
    for text in (recorded.url, recorded.body):
        yield from (text, unquote_plus(text))
    with contextlib.suppress(ValueError, RecursionError):
        yield json.dumps(parse_json(recorded.body))
    yield from headers.values()


def _query(query: str) -> Iterator[str]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        shown = _public(name, value)
        kept = shown if shown != value else quote(value, safe="", errors="replace")
        yield f"{'***' if looks_random(name) else quote(name, safe='', errors='replace')}={kept}"


def _names(query: str, kind: str, body: Any) -> Iterator[str]:
    """Yield the names of parameters, of a form's fields and of a JSON body's keys."""
    yield from (name for name, _ in parse_qsl(query, keep_blank_values=True))
    if kind and isinstance(body, dict):
        for name, value in body.items():
            yield from (name, *_names("", kind, value))
    elif kind and isinstance(body, list):
        for value in body:
            yield from _names("", kind, value)


def _body(text: str) -> tuple[str, Any]:
    """The key of the scenario that holds it, and its value."""
    try:
        return ("json", _without_secrets("", parse_json(text))) if text else ("", None)
    except (ValueError, RecursionError):
        pairs = _form(text)
        is_form = pairs and all(FIELD.fullmatch(name) for name, _ in pairs)
        return ("form", {name: _public(name, value) for name, value in pairs}) if is_form else ("", None)


def _form(text: str) -> list[tuple[str, str]]:
    """The fields of a form; none if a part of the text is no `name=value`, such as a token alone."""
    try:
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return []


def _without_secrets(name: str, value: Any) -> Any:
    if is_telling(name):
        return _variable(name)
    if isinstance(value, dict):
        return {key: _without_secrets(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(name, each) for each in value]
    return _public(name, value)


def _public_header(name: str, value: str) -> str:
    """The same of a header, whose name is also telling if it is of a session."""
    return _variable(name) if "session" in name.lower() else str(_public(name, value))


def _public(name: str, value: Any) -> Any:
    """The value, or `${NAME}` where its name, a name in its text, or its letters say that it is a secret."""
    return _variable(name) if is_telling(name) or (isinstance(value, str) and _holds_secret(value)) else value


def _holds_secret(text: str) -> bool:
    names = [found[2] for found in PARAMETER.finditer(text)] + [found[1] for found in QUOTED.finditer(text)]
    return any(map(is_telling, names)) or PASSWORD_IN_URL.search(text) is not None or looks_random(text)


def _variable(name: str) -> str:
    return f"${{{re.sub(r'[^A-Z0-9]+', '_', name.upper()).strip('_') or 'BODY'}}}"
