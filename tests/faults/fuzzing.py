"""Random scenarios: made from the format's own schema, right and wrong, and with bytes changed."""

import contextlib
import io
import json
import math
import string
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from loopbench.cli import main
from loopbench.scenario import Scenario

SCHEMA: Final = Scenario.model_json_schema()
SHIPPED: Final = sorted((Path(__file__).resolve().parents[2] / "scenarios").glob("*.toml"))

ODD_NUMBERS: Final = (0, -1, 1, 2**31, 2**63, 10**30, 0.1, 1e308, 5e-324, math.nan, math.inf, -math.inf)
ODD_TEXTS: Final = ("", " ", "/", "..", "a" * 400, "\x1b[2J", "\u202e", "a\nb", "{}", "[/red]", "main:app", "/a?b=%00")
BARE: Final = frozenset(string.ascii_letters + string.digits + "_-")

numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
scalars = numbers | texts | st.booleans()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


class Outcome(NamedTuple):
    """What a command made of a file."""

    code: object
    took_s: float
    said: str

    @property
    def problem(self) -> str:
        """What must never be; empty if all is well, fast enough or not."""
        if self.code not in {0, 2}:
            return f"exit code {self.code}"
        return "a traceback" if "Traceback" in self.said else ""


def plan_of(file: Path) -> Outcome:
    """`loopbench plan FILE`, in this process."""
    said, code = io.StringIO(), 0
    before, sys.argv = sys.argv, ["loopbench", "plan", str(file)]
    began = time.perf_counter()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main()
    except SystemExit as leaving:
        code = leaving.code  # type: ignore[assignment]  # whatever it is, it is looked at
    finally:
        sys.argv = before
    return Outcome(code, time.perf_counter() - began, said.getvalue())


def contents() -> st.SearchStrategy[bytes]:
    """Bytes of a scenario file: after the schema, or a shipped one with some bytes changed."""
    made = of_schema(SCHEMA).map(toml_of_file)
    shipped = st.sampled_from(SHIPPED).map(Path.read_bytes)
    return made | changed(shipped) | changed(made) | st.binary(max_size=200)


@st.composite
def changed(draw: st.DrawFn, original: st.SearchStrategy[bytes]) -> bytes:
    """Some bytes replaced, left out, put in or repeated."""
    data = bytearray(draw(original))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.binary(max_size=4) | st.sampled_from([b'"', b"]", b"[", b"\n", b".", b"=", b"{", b"'''"]))
        data[start:end] = draw(st.sampled_from([piece, bytes(data[start:end]) * 3, b""]))
    return bytes(data)


def of_schema(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that follow a JSON schema most of the time, and anything else now and then."""
    return st.integers(0, 15).flatmap(lambda dice: anything if dice == 0 else st.deferred(lambda: _right(schema)))


def _right(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return of_schema(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return st.one_of([of_schema(each) for each in schema[several] if each.get("type") != "null"])
    make = _TYPES.get(schema.get("type", ""))
    return anything if make is None else make(schema)


def _object(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    properties = schema.get("properties", {})
    if not properties:
        extra = schema.get("additionalProperties")
        return st.dictionaries(texts, of_schema(extra) if isinstance(extra, dict) else anything, max_size=3)
    known = {name: of_schema(each) for name, each in properties.items()}
    needed = {name: known.pop(name) for name in schema.get("required", ()) if name in known}
    some = st.fixed_dictionaries(needed, optional=known).map(lambda table: dict(list(table.items())[:12]))
    return some | st.tuples(some, st.dictionaries(texts, anything, max_size=2)).map(lambda two: two[0] | two[1])


def _array(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    items = schema.get("items")
    return st.lists(of_schema(items) if isinstance(items, dict) else anything, max_size=4)


def _number(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", low + 100)
    whole = schema["type"] == "integer"
    inside = st.integers(math.ceil(low), math.floor(high)) if whole else st.floats(low, high)
    return inside | st.sampled_from([low, high, low - 1, high + 1])


def _string(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    pattern = schema.get("pattern")
    return texts | st.from_regex(pattern, fullmatch=True) if pattern else texts


_TYPES: Final[Mapping[str, Callable[[Mapping[str, Any]], st.SearchStrategy[Any]]]] = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "string": _string,
    "boolean": lambda _: st.booleans(),
}


def toml_of_file(value: Any) -> bytes:
    """A TOML file of a table; of anything else, that thing, which is no file."""
    if not isinstance(value, dict):
        return toml_of(value).encode("utf-8", "surrogatepass")
    lines = [f"{_key(name)} = {toml_of(each)}\n" for name, each in value.items()]
    return "".join(lines).encode("utf-8", "surrogatepass")


def toml_of(value: Any) -> str:
    """A value as TOML has it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {toml_of(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _key(name: str) -> str:
    return name if name and set(name) <= BARE else json.dumps(name, ensure_ascii=False)
