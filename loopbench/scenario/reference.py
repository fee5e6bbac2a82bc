"""Writes `docs/scenario-reference.md` from the schema: every key of a scenario, its type and its meaning."""

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from loopbench.scenario.schema import SCHEMA_LINE, scenario_schema
from loopbench.scenario.values import PATTERN_MEANINGS

HEAD: Final = f"""\
# Scenario keys

This page lists every key of a scenario. It is the output of `loopbench schema --markdown`, and a test compares the two.
`loopbench help scenario` prints the same in 80 columns.
`loopbench schema` prints the same as a JSON Schema ([docs/schemas/scenario.schema.json](schemas/scenario.schema.json)).

Editors that support TOML schemas (such as VS Code with Tombi or Even Better TOML) complete and check keys while you
type, if the first line of the scenario names the schema:

```toml
{SCHEMA_LINE}
```

`loopbench init` writes this line. Without the internet, `loopbench schema > scenario.schema.json` writes the file, and
the line is `#:schema ./scenario.schema.json`. A key that is not listed here is an error, and so is a value
of another type. `loopbench plan FILE` reports every mistake at once, with its line. It also checks combinations of
keys, which the schema cannot. Paths are relative to the scenario file. `loopbench run FILE --set load.users=20` sets
any key for one session.
"""

WHOLE: Final = "whole number"
NUMBER: Final = "number"
COLUMNS: Final = "| key | holds | default | meaning |\n|---|---|---|---|"


@dataclass(frozen=True)
class _Table:
    """One table of a scenario: its header in a file, and its part of the schema."""

    header: str
    schema: dict[str, Any]
    left_out: frozenset[str] = frozenset()
    """Keys that another table of this page already lists."""
    without: str = ""
    """Which of these it does not have."""


def scenario_reference() -> str:
    """Return the whole page."""
    schema = scenario_schema()
    defs = schema["$defs"]
    tables = list(_tables("", schema, defs, set()))
    headers = {_ref_name(table): table.header for table in tables}
    return "\n".join([HEAD, *(_section(table, headers) for table in tables)])


def scenario_help(width: int) -> Iterator[str]:
    """Yield the same keys as text, no line wider than `width`."""
    schema = scenario_schema()
    tables = list(_tables("", schema, schema["$defs"], set()))
    headers = {_ref_name(table): table.header for table in tables}
    for table in tables:
        yield from (table.header, *textwrap.wrap(_plain(table.schema.get("description", "")), width), "")
        for cells in _rows(table, headers):
            key, holds, default, meaning = map(_plain, cells)
            stands = {"-": "", "": "", "needed": "; needed"}.get(default, f"; default {default}")
            yield from _wrapped(f"{key}: {holds}{stands}" if holds else key, width, 2)
            yield from _wrapped(meaning, width, 6)
        yield ""


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    before, after = " " * indent, " " * max(indent, 6)
    return textwrap.wrap(text, width, initial_indent=before, subsequent_indent=after, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return a text without the marks of Markdown."""
    return re.sub(r"\[([^\]]+(?:\]\]?`)?)\]\([^)]*\)", r"\1", " ".join(text.split())).replace("`", "")


def _tables(path: str, schema: dict[str, Any], defs: dict[str, Any], seen: set[str]) -> Iterator[_Table]:
    """Yield a table and the tables in it, depth first, each where it first appears."""
    extends_request = schema.get("title") in {"Variant", "Before"}
    of_request = defs["Request"]["properties"].keys() if extends_request else frozenset[str]()
    without = "".join(f", without `{key}`" for key in of_request if key not in schema["properties"])
    yield _Table(path or "The file", schema, frozenset(of_request), without)
    for key, value in schema["properties"].items():
        name = _referred(value) or _referred_by_name(value)
        if name is not None and name not in seen:
            seen.add(name)
            yield from _tables(_header(path, key, value), defs[name], defs, seen)


def _header(path: str, key: str, value: dict[str, Any]) -> str:
    """Return a table's header in a file: `[load]`, `[[variants]]`, `[variants.target]`."""
    dotted = ".".join(filter(None, [path.strip("[]"), key]))
    dotted += "" if _referred(value) else ".name"
    return f"[[{dotted}]]" if value.get("type") == "array" else f"[{dotted}]"


def _referred(value: dict[str, Any]) -> str | None:
    """Return the name of the table that a key holds, alone or in a list; None for other keys."""
    reference = value.get("$ref") or value.get("items", {}).get("$ref")
    return None if reference is None else reference.rsplit("/", 1)[-1]


def _referred_by_name(value: dict[str, Any]) -> str | None:
    """Return the name of the table that a key may hold under names of the author's choice."""
    choices = (each for held in value.get("patternProperties", {}).values() for each in held.get("anyOf", []))
    return next((name for each in choices if (name := _referred(each))), None)


def _ref_name(table: _Table) -> str:
    name: str = table.schema["title"]
    return name


def _section(table: _Table, headers: dict[str, str]) -> str:
    title = table.header if table.header == "The file" else f"`{table.header}`"
    rows = ["|" + "".join(f" {cell} |" if cell else " |" for cell in cells) for cells in _rows(table, headers)]
    return "\n".join([f"## {title}\n", _paragraphs(table.schema.get("description", "")), COLUMNS, *rows, ""])


def _rows(table: _Table, headers: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table: key, what it holds, default, meaning."""
    if table.left_out:
        yield "...", "", "", f"every key of `[[requests]]`{table.without}"
    needed = table.schema.get("required", [])
    for key, value in table.schema["properties"].items():
        if key not in table.left_out:
            yield _cells(key, value, key in needed, headers)


def _paragraphs(docstring: str) -> str:
    """Return a docstring without the line breaks inside its paragraphs."""
    return "".join(" ".join(each.split()) + "\n\n" for each in docstring.split("\n\n") if each).removesuffix("\n")


def _cells(key: str, value: dict[str, Any], needed: bool, headers: dict[str, str]) -> tuple[str, ...]:
    cells = (f"`{key}`", _holds(value, headers), "needed" if needed else _default(value), value["description"])
    return tuple(" ".join(cell.split()).replace("|", "\\|") for cell in cells)


def _default(value: dict[str, Any]) -> str:
    """Return a default as TOML; a dash for none, and for a table, whose keys have their own defaults."""
    default = value.get("default")
    if default is None or default in ([], {}) or "$ref" in value:
        return "-"
    return f"`{json.dumps(default)}`"


def _holds(value: dict[str, Any], headers: dict[str, str]) -> str:
    """Describe the type of a key."""
    referred = _referred(value)
    if referred is not None:
        header = headers[referred]
        what = "tables" if value.get("type") == "array" else "table"
        return f"{what} [`{header}`](#{re.sub(r'[^a-z_]', '', header)})"
    if "anyOf" in value:
        words = dict.fromkeys(_holds(each, headers) for each in value["anyOf"])
        return ", or ".join(word for word in words if word != WHOLE or NUMBER not in words)
    if "enum" in value or "const" in value:
        return ", ".join(f'`"{each}"`' for each in value.get("enum", [value.get("const")]))
    return _holds_many(value, headers) or _holds_one(value)


def _holds_many(value: dict[str, Any], headers: dict[str, str]) -> str:
    """Describe a list or a table; empty for anything else."""
    match value:
        case {"type": "array", "prefixItems": _}:
            return "`[from, to]`"
        case {"type": "array", "items": items}:
            return f"list of: {_holds(items, headers)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"table of: {_holds(values, headers)}"
        case {"type": "object", "patternProperties": patterns}:
            return f"table of: {' '.join(_holds(values, headers) for values in patterns.values())}"
        case {"type": "object"}:
            return "table"
    return ""


def _holds_one(value: dict[str, Any]) -> str:
    match value.get("type"):
        case "string":
            return PATTERN_MEANINGS.get(value.get("pattern", ""), "text")
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return WHOLE + _range(value)
        case "number":
            return NUMBER + _range(value)
    return "anything"


def _range(value: dict[str, Any]) -> str:
    above, least, most = (value.get(key) for key in ("exclusiveMinimum", "minimum", "maximum"))
    if least is not None and most is not None:
        return f", {_figure(least)} to {_figure(most)}"
    low = f" above {_figure(above)}" if above is not None else ""
    low = f", at least {_figure(least)}" if least is not None else low
    return low + ("" if most is None else f", at most {_figure(most)}")


def _figure(value: float) -> str:
    return f"{value:,.10g}"
