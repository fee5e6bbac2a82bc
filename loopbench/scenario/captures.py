"""Values of an answer: of its JSON body by path, of its headers and of its cookies."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

MISSING: Any = object()
"""What is not in a JSON body, or what is no JSON body. It equals nothing."""

MAX_CAPTURED_CHARS: Final = 65_536
"""No server takes a header of that length, and each output is searched for the value to hide it."""

MAX_JSON_BODY_BYTES: Final = 8_000_000
"""Of an answer that is read as JSON: many empty lists take 25 times as much memory as their text."""


def json_body(body: bytes) -> Any:
    """Return what the JSON body of an answer holds; MISSING if it is no JSON, or larger than what is read."""
    if len(body) > MAX_JSON_BODY_BYTES:
        return MISSING
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return MISSING


def json_at(body: Any, path: str) -> Any:
    """Return the value under a key of a JSON body, or at a path such as `data.0.id`; MISSING if there is none."""
    for key in [path] if isinstance(body, dict) and path in body else path.split("."):
        try:
            body = body[int(key)] if isinstance(body, list) else body[key]
        except (LookupError, TypeError, ValueError):
            return MISSING
    return body


def captured(capture: Mapping[str, str], headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """Return the values that an answer has, by name; what it does not have is left out."""
    lines = [(name.lower(), value) for name, value in headers]
    found = {name: _usable(_value(source, lines, body)) for name, source in capture.items()}
    return {name: value for name, value in found.items() if value is not None}


def _value(source: str, headers: list[tuple[str, str]], body: bytes) -> Any:
    kind, _, key = source.partition(":")
    if kind == "json":
        return json_at(json_body(body), key)
    if kind == "header":
        return next((value for name, value in headers if name == key.lower()), MISSING)
    cookies = (value.partition(";")[0].partition("=") for name, value in headers if name == "set-cookie")
    return next((value.strip() for name, _, value in cookies if name.strip() == key), MISSING)


def _usable(value: Any) -> str | int | float | None:
    """Return a text or a number that every part of a request can hold; None for anything else."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        fits = len(value) <= MAX_CAPTURED_CHARS and value.encode("utf-8", "ignore").decode() == value
        return value if fits else None
    return value if isinstance(value, int | float) else None
