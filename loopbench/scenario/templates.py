"""Placeholders in the text of a scenario: `{token}` (a value of the run) and `${NAME}` (an environment variable)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from loopbench.secrecy import PLACEHOLDER

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
UNIQUE: Final = "unique"
"""The name of a number that is never used twice."""


def names_in(value: Any) -> Iterator[str]:
    """Yield the placeholders in the texts of a value, as written but without braces: `token`, `$NAME`."""
    if isinstance(value, str):
        yield from (_name(found[0]) for found in PLACEHOLDER.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)


def fill(value: Any, values: Mapping[str, Any], escape: Callable[[str], str] = str) -> Any:
    """Return a value with the placeholders of its texts filled. A text that is one placeholder becomes its value."""
    if isinstance(value, str):
        if escape is str and PLACEHOLDER.fullmatch(value):
            return values[_name(value)]
        return PLACEHOLDER.sub(lambda found: escape(as_text(values[_name(found[0])])), value)
    if isinstance(value, Mapping):
        return {key: fill(each, values, escape) for key, each in value.items()}
    if isinstance(value, list):
        return [fill(each, values, escape) for each in value]
    return value


def _name(placeholder: str) -> str:
    return placeholder.replace("{", "").removesuffix("}")


def as_text(value: Any) -> str:
    """Return a value as it stands in a URL, a header or a form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_path(text: str) -> str:
    """Escape a value for one segment of a path, or for a query."""
    return quote(text, safe="")


def in_header(text: str) -> str:
    """Return a value as a header can hold it: its UTF-8 bytes, and a space for each control character (RFC 9110)."""
    return CONTROL.sub(" ", text).encode().decode("latin-1")
