"""Parses an untrusted TOML file, and writes tables. Input that would slow the parser down is refused unparsed."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from loopbench.errors import UsageError
from loopbench.secrecy import public_line

MAX_FILE_BYTES: Final = 64 * 1024
MAX_PROJECT_BYTES: Final = 1024 * 1024  # of a `pyproject.toml`, which holds the settings of many tools
MAX_DOTS_IN_A_KEY: Final = 8
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
SHOWN_CHARACTERS: Final = 120

_STRINGS = re.compile(r'(?<!\\)"(?:[^"\\]|\\.)*+"|\'[^\']*+\'')
"""Strings of one line. A quote after a backslash begins none: every one of a long line would be tried to its end."""
_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++\s*+\.\s*+)++")
MAX_DOTS_IN_A_LINE: Final = 499  # in one run: also in a string, because what looks like one may be none
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def read_toml(path: Path, max_bytes: int = MAX_FILE_BYTES) -> tuple[str, dict[str, Any]]:
    """Return the file's text and its tables.

    Raises:
        UsageError: there is no such regular file, or it is too large, not UTF-8 or not TOML.
    """
    text = _decoded(path, _read(path, max_bytes))
    return text, parse_toml(text, path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises:
        UsageError: it is not TOML, nests too deeply, or has keys of too many parts.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if _dots(_STRINGS.sub("q", line)) > MAX_DOTS_IN_A_KEY or _dots(line) > MAX_DOTS_IN_A_LINE:
            raise _wrong(f"line {number} has a key of more than {MAX_DOTS_IN_A_KEY + 1} parts", path, number, lines)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _wrong("the file nests its values too deeply", path, 0, lines) from None
    except ValueError as problem:  # TOMLDecodeError, or the error of an integer of 5,000 digits
        place = _PLACE.search(str(problem))
        number = int(place[1]) if place else 0
        column = int(place[2]) if place else 0
        raise _wrong(f"not TOML: {problem}", path, number, lines, column) from None


def _dots(line: str) -> int:
    """Return how many dots the longest dotted name of a line has."""
    return max((name[0].count(".") for name in _DOTTED.finditer(line)), default=0)


def toml_text(tables: Mapping[str, Any]) -> str:
    """Return a file with these keys: plain values, then a block for each table and for each of a list of tables."""
    plain = {key: value for key, value in tables.items() if not _blocks(key, value)}
    blocks = (each for key, value in tables.items() for each in _blocks(key, value))
    return "\n".join([toml_block("", plain), *(toml_block(*each) for each in blocks)]).lstrip("\n")


def _blocks(key: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the headers and tables of a value that gets blocks of its own."""
    if isinstance(value, dict):
        return [(f"[{_key(key)}]", value)]
    is_tables = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return [(f"[[{_key(key)}]]", each) for each in value] if is_tables else []


def toml_block(header: str, table: Mapping[str, Any], show: Callable[[str], str] = str) -> str:
    """Return a table below its header, one key a line; `show` is applied to its texts."""
    return "\n".join([header, *(f"{_key(key)} = {toml_value(value, show)}" for key, value in table.items()), ""])


def toml_value(value: Any, show: Callable[[str], str] = str) -> str:
    """Return a value as TOML has it. Its strings are JSON's, but for the character DEL (TOML 1.0, Strings)."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {toml_value(item, show)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item, show) for item in value)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(show(str(value)), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else toml_value(name)


def _read(path: Path, max_bytes: int) -> bytes:
    if not path.exists():
        hint = "loopbench list"
        raise UsageError(f"there is no scenario {path}", slug="scenario-missing", where=str(path), hints=(hint,))
    if not path.is_file():  # checked before opening, because opening a FIFO would block
        raise _unreadable(f"{path} is not a regular file", path, "a TOML file")
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as problem:
        raise _unreadable(f"{path} cannot be read: {problem.strerror}", path, "a file you may read") from None
    if len(data) > max_bytes:
        raise _unreadable(f"{path} is larger than {max_bytes // 1024} KiB", path, "a file of a few KiB")
    return data


def _decoded(path: Path, data: bytes) -> str:
    allowed = "UTF-8 without a byte order mark"
    if data.startswith(BYTE_ORDER_MARK):
        raise _unreadable(f"{path} begins with a byte order mark", path, allowed)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        odd = f"byte {problem.start} is {data[problem.start]:#04x}"
        raise _unreadable(f"{path} is not UTF-8: {odd}", path, allowed) from None


def _unreadable(what: str, path: Path, allowed: str) -> UsageError:
    return UsageError(what, slug="scenario-file", where=str(path), allowed=allowed)


def _wrong(what: str, path: Path, number: int, lines: list[str], column: int = 0) -> UsageError:
    source = public_line(lines, number).strip()[:SHOWN_CHARACTERS] if 0 < number <= len(lines) else ""
    place = ":".join(map(str, filter(None, (path, number, column))))
    allowed = "TOML 1.0: key = value, below [table] or [[table]]"
    return UsageError(what, slug="toml", where=f"{place}: {source}" if source else place, allowed=allowed)
