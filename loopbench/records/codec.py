"""Converts frozen dataclasses to JSON and back, strictly: a value that does not fit is an error, never guessed.

A field may be a pydantic model, such as a scenario. Its secrets are hidden.
"""

import dataclasses
import json
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from loopbench.errors import DataError
from loopbench.records.files import MAX_JSON_BYTES, read_optional

T = TypeVar("T")
_WORDS: Final = {"missing": "it is missing", "dataclass_type": "it is not an object"}

MAX_DIGITS: Final = 20
"""Of an integer, with its sign: any count, time or seed of ours has fewer, and a float can hold it."""


def to_json(record: Any) -> str:
    """Return a dataclass or a model as indented JSON. NaN and infinities are refused; missing values are null."""
    plain = dataclasses.asdict(record) if dataclasses.is_dataclass(record) and not isinstance(record, type) else record
    return json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False, default=_plain_model) + "\n"


def _plain_model(model: Any) -> Any:
    return model.model_dump(mode="json")


def parse_json(text: str | bytes) -> Any:
    """Return what JSON text holds, every number finite and every integer of at most `MAX_DIGITS` digits.

    Raises:
        ValueError: the text is not such JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_int=_bounded, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@contextmanager
def foreign_content(source: Path) -> Iterator[None]:
    """Raise the errors of arithmetic and access as a `DataError`: the records fit their types, but not each other."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error) as problem:
        what = f"the records do not fit together: {type(problem).__name__}: {str(problem)[:200]}"
        raise DataError(what, slug="data-foreign", where=str(source)) from problem


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:MAX_DIGITS]} is not a finite number")
    return number


def from_json(kind: type[T], text: str | bytes, source: str) -> T:
    """Return a dataclass or a model from JSON.

    Raises:
        DataError: the text is not JSON, a key is missing, or a value has the wrong type; `source` names the file.
    """
    try:
        parse_json(text)  # refuses numbers that pydantic accepts
        read: T = _reader(kind).validate_json(text, strict=True)  # type: ignore[arg-type]  # a class is hashable
    except ValidationError as problem:
        raise DataError(f"{source}: {first_problem(problem)}") from None
    except ValueError as problem:
        raise DataError(f"{source}: {problem}") from None
    return read


def first_problem(problem: ValidationError) -> str:
    """Return where the first mistake is, and which."""
    first = problem.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"{place}: {_WORDS.get(first['type'], first['msg'])}"


def read_json(kind: type[T], path: Path, max_bytes: int = MAX_JSON_BYTES) -> T | None:
    """Return a dataclass or a model from a JSON file; None if there is no such file.

    Raises:
        DataError: it is not a regular file, cannot be read, is larger than `max_bytes`, or as for `from_json`.
    """
    text = read_optional(path, max_bytes)
    return None if text is None else from_json(kind, text, str(path))


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
