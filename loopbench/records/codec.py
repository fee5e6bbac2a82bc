"""Converts frozen dataclasses to JSON and back, strictly: a value that does not fit is an error, never guessed."""

import dataclasses
import json
import types
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from loopbench.errors import DataError

T = TypeVar("T")


def to_json(record: Any) -> str:
    """Return a dataclass as indented JSON. NaN and infinities are refused; missing values are null."""
    return json.dumps(dataclasses.asdict(record), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def from_json(kind: type[T], text: str | bytes, source: str) -> T:
    """Return a dataclass from JSON.

    Raises:
        DataError: the text is not JSON, a key is missing, or a value has the wrong type; `source` names the file.
    """
    try:
        return _decode(kind, json.loads(text), "")  # type: ignore[no-any-return]
    except (ValueError, RecursionError, DataError) as problem:
        raise DataError(f"{source}: {problem}") from None


def _decode(kind: Any, value: Any, where: str) -> Any:  # noqa: PLR0911  one return per kind of type
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _decode_record(kind, value, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is types.UnionType:
        return None if value is None else _decode(_member(inner, value), value, where)
    if origin is tuple and isinstance(value, list):
        return _decode_tuple(inner, value, where)
    if origin is not None and issubclass(origin, dict) and isinstance(value, dict):
        return {key: _decode(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if origin is None and type(value) is kind:
        return value
    raise DataError(f"{where or 'the file'} is {type(value).__name__}, not {getattr(kind, '__name__', kind)}")


def _member(union: tuple[Any, ...], value: Any) -> Any:
    """Return the member of a union for a value: the value's own type if it is a member, else the first."""
    return next((kind for kind in union if type(value) is kind), union[0])


def _decode_tuple(inner: tuple[Any, ...], value: list[Any], where: str) -> tuple[Any, ...]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_decode(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(inner) != len(value):
        raise DataError(f"{where} has {len(value)} values, not {len(inner)}")
    return tuple(_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(inner, value, strict=True)))


def _decode_record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DataError(f"{where or 'the file'} is {type(value).__name__}, not an object")
    hints = get_type_hints(kind)
    known: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        path = f"{where}.{item.name}".lstrip(".")
        if item.name in value:
            known[item.name] = _decode(hints[item.name], value[item.name], path)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise DataError(f"{path} is missing")
    return kind(**known)
