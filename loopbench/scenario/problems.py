"""Describes the mistakes in a scenario for its author: key, value, line, and what is allowed."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from loopbench.errors import MAX_PROBLEMS, ScenarioProblem, in_plain_words
from loopbench.scenario.model import Scenario
from loopbench.scenario.values import PATTERN_MEANINGS
from loopbench.secrecy import HIDDEN_VALUE, may_be_secret, public_line, public_target, public_value

SHOWN_CHARACTERS = 200
"""Length at which a quoted line is cut."""
MAX_SUGGESTIONS = 5

Key = tuple[str | int, ...]
"""Path of a value: names of tables and keys, indices of arrays."""


def from_validation(error: ValidationError, text: str) -> tuple[ScenarioProblem, ...]:
    """Return the mistakes that pydantic found, at most `MAX_PROBLEMS`: each one is looked up in the whole text."""
    return tuple(_problem(detail, text) for detail in error.errors(include_url=False)[:MAX_PROBLEMS])


def problem_at(key: Key, message: str, allowed: str, text: str, *, of_key: bool = False) -> ScenarioProblem:
    """Return a mistake that was found otherwise, with its line, and the column of the value or `of_key`."""
    line = locate(key, text)
    source = public_line(text.splitlines(), line, only_key=of_key)[:SHOWN_CHARACTERS] if line else ""
    name = str(key[-1]) if key else ""
    place = re.search(rf"(?<![\w.-])(?:[\w-]+\.)*[\"']?{re.escape(name)}[\"']?\s*=\s*", source) if name else None
    column = place and (place.start() if of_key else place.end()) + 1
    return ScenarioProblem(_dotted(key), public_target(message), allowed, line, source, column, is_unknown=of_key)


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
        if header := re.match(r"\s*(\[\[?)\s*([\w\"'-]+(?:\.[\w\"'-]+)*)\s*\]", line):
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
    key = context.get("at", key)
    value = detail["input"]
    if kind == "extra_forbidden":
        return problem_at(key, f"unknown key {key[-1]!r}", _nearest(key), text, of_key=True)
    if kind == "missing":
        return problem_at(key, f"{key[-1]!r} is missing", _to_write(key), text)
    if kind == "missing_app":
        return problem_at(("target",), "'app' is missing", detail["msg"], text)
    message = PATTERN_MEANINGS.get(context.get("pattern", ""), in_plain_words(detail["msg"]))
    if isinstance(value, dict | list | BaseModel):
        return problem_at(key, message, str(context.get("expected", "")), text)
    if may_be_secret(map(str, key)):
        value = HIDDEN_VALUE
    if isinstance(value, str):
        value = public_value(value)
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
    return problem_at(key, f"{key[-1] if key else 'the file'} = {shown}", message, text)


def _is_type_label(part: str | int) -> bool:
    """Return whether a part of a location is a union branch that pydantic added, not a key of the file."""
    return isinstance(part, str) and (
        part in {"str", "int", "float", "bool"} or part.startswith(("tuple[", "function-"))
    )


def _nearest(key: Key) -> str:
    """Return what an unknown key may be meant for: the same key of another table, then keys of a similar name."""
    name, known = str(key[-1]), list(_fields(key[:-1]))
    elsewhere = [each for each in settable_keys() if each.rpartition(".")[2] == name]
    close = elsewhere or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    suggestion = f"did you mean {close[0]!r}? " if close else ""
    nearest = difflib.get_close_matches(name, known, n=MAX_SUGGESTIONS, cutoff=0)
    more = f", and {len(known) - len(nearest)} more" if len(known) > len(nearest) else ""
    return f"{suggestion}known here: {', '.join(nearest)}{more}"


def settable_keys() -> list[str]:
    """Return the dotted keys that `--set` can change: of the file itself and of its single tables."""
    keys: list[str] = []
    for name, field in _fields(()).items():
        below = _fields((name,)) if isinstance(field.annotation, type) else {}
        keys += [f"{name}.{each}" for each in below] or [name]
    return keys


def _to_write(key: Key) -> str:
    """Return what to write for a required key: a table's header or an assignment, and what it means."""
    field = _fields(key[:-1]).get(str(key[-1]), FieldInfo())
    name = ".".join(str(part) for part in key if isinstance(part, str))
    header = {"target": "[target]", "variants": "[[variants]]"}.get(name)
    meaning = (field.description or "").partition("\n\n")[0]
    return f"write {header or f'{key[-1]} = ...'}: {meaning}"


def _fields(table: Key) -> dict[str, FieldInfo]:
    """Return the fields of the model that describes a table, by key."""
    model: Any = Scenario
    for part in table:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        names = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        annotation: Any = names.get(part)
        model = next(iter(getattr(annotation, "__args__", ())), annotation)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return {field.alias or name: field for name, field in model.model_fields.items()}
    return {}


def _dotted(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")
