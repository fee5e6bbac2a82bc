"""Describes the mistakes in a scenario for its author: key, value, line, and what is allowed."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from loopbench.errors import ScenarioProblem
from loopbench.scenario.model import Scenario
from loopbench.scenario.values import PATTERN_MEANINGS

SHOWN_CHARACTERS = 200
"""Length at which a quoted line is cut."""

Key = tuple[str | int, ...]
"""Path of a value: names of tables and keys, indices of arrays."""


def from_validation(error: ValidationError, text: str) -> tuple[ScenarioProblem, ...]:
    """Return every mistake that pydantic found."""
    return tuple(_problem(detail, text) for detail in error.errors(include_url=False))


def problem_at(key: Key, message: str, allowed: str, text: str) -> ScenarioProblem:
    """Return a mistake that was found otherwise, with its line."""
    line = locate(key, text)
    source = text.splitlines()[line - 1][:SHOWN_CHARACTERS] if line else ""
    return ScenarioProblem(_dotted(key), message, allowed, line, source)


def locate(key: Key, text: str) -> int | None:
    """Return the line (from 1) of a key in a TOML text, or its table's line if the key is not there.

    It is approximate: it reads headers and `key = value` lines, not TOML.
    """
    best: tuple[int, int | None] = (0, None)
    for line, found in _keys(text):
        common = next(
            (i for i, (a, b) in enumerate(zip(key, found, strict=False)) if a != b), min(len(key), len(found))
        )
        if common > best[0] and common == len(found):
            best = (common, line)
    return best[1]


def _keys(text: str) -> Iterator[tuple[int, Key]]:
    """Yield every header and key of a TOML text with its line and full path."""
    table: list[str | int] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([\w.\"'-]+)\s*\]", line):
            names = [part.strip("\"'") for part in header[2].split(".")]
            if header[1] == "[[":
                counts[header[2]] = counts.get(header[2], -1) + 1
            table = list(_with_indices(names, counts))
            yield number, tuple(table)
        elif pair := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            yield number, (*table, *(part.strip("\"'") for part in pair[1].split(".")))


def _with_indices(names: list[str], counts: dict[str, int]) -> Iterator[str | int]:
    for depth, name in enumerate(names, 1):
        yield name
        if ".".join(names[:depth]) in counts:
            yield counts[".".join(names[:depth])]


def _problem(detail: ErrorDetails, text: str) -> ScenarioProblem:
    key: Key = tuple(part for part in detail["loc"] if not _is_type_label(part))
    kind, context = detail["type"], detail.get("ctx", {})
    value = detail["input"]
    if kind == "extra_forbidden":
        return problem_at(key, f"unknown key {key[-1]!r}", _nearest(str(key[-1]), _known_keys(key[:-1])), text)
    if kind == "missing":
        return problem_at(key, f"{key[-1]!r} is missing", "it has no default", text)
    if kind == "missing_app":
        return problem_at(("target",), "'app' is missing", detail["msg"], text)
    if kind == "unique":
        key = ("variants", context["index"], "name")
    if kind == "repeated":
        key = ("repeat", "variants")
    message = PATTERN_MEANINGS.get(context.get("pattern", ""), detail["msg"])
    if isinstance(value, dict | list | BaseModel):
        return problem_at(key, message, str(context.get("expected", "")), text)
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return problem_at(key, f"{key[-1] if key else 'the file'} = {shown}", message, text)


def _is_type_label(part: str | int) -> bool:
    """Return whether a part of a location is a union branch that pydantic added, not a key of the file."""
    return isinstance(part, str) and (
        part in {"str", "int", "float", "bool"} or part.startswith(("tuple[", "function-"))
    )


def _nearest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    suggestion = f"did you mean {close[0]!r}? " if close else ""
    return f"{suggestion}known here: {', '.join(known)}"


def _known_keys(table: Key) -> list[str]:
    """Return the keys that a table may have, in the order of the model."""
    model: Any = Scenario
    for part in table:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        names = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        annotation: Any = names.get(part)
        model = next(iter(getattr(annotation, "__args__", ())), annotation)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _dotted(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
