"""Removes secrets from values and text: settings, command lines, URLs, paths with a query, logs, errors.

What comes from a scenario is known by value: `remember` takes the values, `hidden` removes them in every form in which
a program prints them. What comes from elsewhere is known by name (`api_key`, `DB_PASS`, `accessKey`).
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from loopbench.escapes import Form, forms

HIDDEN_VALUE: Final = "***"

SECRET_TABLES: Final = frozenset({"env", "headers", "json", "form", "body", "prepare", "cleanup"})
"""Values under these keys may be a password or a token."""

HEADER_OPTION: Final = "--header"
COMMAND_OPTION: Final = "--curl"
SET_OPTION: Final = "--set"
SETTABLE: Final = re.compile(r"\s*+[\w.\[\]-]*+\s*+")  # the key of `--set KEY=VALUE`
OPTION: Final = re.compile(r"--[a-z-]+=")

MIN_CHARACTERS: Final = 6  # shorter values (`1`, `true`) are not searched for, because they occur everywhere

WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""A word of a name: `accessKey` and `ACCESS_KEY` have two."""

SECRET_WORD: Final = re.compile(
    r"auth|creds?|dsn|jwt|keys?|mfa|t?otp|pass(wd|code)?|pin|private|pwd|sid|sig", re.IGNORECASE
)
SECRET_PARTS: Final = re.compile(
    r"token|secret|passw|passphrase|passcode|dbpass|credential|signature|cookie|bearer|authori[sz]|authent|oauth"
    r"|sess(ion)?[_-]?id|api_?key|access_?key|private_?key|[cx]srf",
    re.IGNORECASE,
)
"""Parts of names that need no word of their own: `PHPSESSID`, `usertoken`."""

PIECE: Final = re.compile(r"[A-Za-z0-9]{16,}")
RUN: Final = re.compile(r"[A-Z]+|[a-z]+|[0-9]+")
RANDOM_RUNS: Final = 5
"""A piece of so many runs of capitals, small letters or digits is random; words and numbers have fewer."""

PARAMETER: Final = re.compile(r"([?&])([^?=&#]+)=([^&#\"\s]*)")
WHOLE_PARAMETER: Final = re.compile(r"([?&])([^?=&#]+)=([^&]*)")  # of one value, in which a secret may hold spaces
PASSWORD_IN_URL: Final = re.compile(r"(://[^/@\s:]*):([^/@\s]+)@")
PLACEHOLDER: Final = re.compile(r"\$?\{[A-Za-z_][A-Za-z0-9_]*\}")
"""In a scenario: `{token}` (a value of the run) or `${NAME}` (an environment variable)."""

ONLY_PLACEHOLDERS: Final = re.compile(rf"((Bearer|Basic|Token) )?({PLACEHOLDER.pattern})+")
"""A text that is no secret, whatever its values are."""

TABLE: Final = re.compile(r"[\s\[]*\{")  # the beginning of a TOML table, or of a list of tables

# Each of these reads a character of any text once.
_NAME = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
KEY: Final = re.compile(rf"\s*+{_NAME}(?:\s*+\.\s*+{_NAME})*+\s*+(?==)")  # of a line of TOML, before its first `=`
NAMES: Final = re.compile(r"""^[\w.\-"' \t]++|(?<![\w.\-"' \t])[\w.\-"' \t]++(?==)""", re.MULTILINE)
"""What a line of TOML begins with, and all that stands before a `=`: dotted names, perhaps in quotes."""
WORDS: Final = re.compile(r"[\w-]+")
TOKEN: Final = re.compile(
    r'''"""(?:[^"\\]|\\[\s\S]|"(?!""))*+(?P<long>"{3,5})?'''
    r"""|'''(?:[^']|'(?!''))*+(?P<raw>'{3,5})?"""
    r"""|"(?:[^"\\\n]|\\.)*+(?P<text>")?|'[^'\n]*+(?P<literal>')?|\#[^\n]*+|[][{}\n]"""
)
"""What decides where a statement of TOML ends: strings (a string without its end names no group), brackets, lines."""

HIDDEN_OR_SHOWN: Final = re.compile(b"\x01+|\x00+")  # a run of bytes to hide, or not
MARK: Final = re.compile(r"\*{3}[0-9a-f]{4}")
USERINFO: Final = re.compile(r"://[^/\s]+@")

_remembered: dict[bytes, Form] = {}  # what finds the values that this process must not write, by its pattern


_names: set[str] = set()  # names that a scenario calls secret


def remember(values: Iterable[str]) -> None:
    """Hide these values from now on. A process measures one scenario, so they are never forgotten."""
    secret = (value for value in values if not ONLY_PLACEHOLDERS.fullmatch(value))
    texts = {text for value in secret for text in (value, *value.splitlines()) if len(text) >= MIN_CHARACTERS}
    _remembered.update((form.source, form) for text in texts for form in forms(text))


def remember_names(names: Iterable[str]) -> None:
    """Take the values under these names for secrets from now on."""
    _names.update(names)


def hidden(text: str) -> str:
    """The text without the values to hide."""
    return hidden_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def hidden_bytes(data: bytes) -> bytes:
    """The bytes without the values to hide."""
    return hidden_part(data, 0, len(data))


def margin_bytes() -> int:
    """Return how many bytes `hidden_part` needs on both sides of a part: the longest value to hide."""
    return max((form.most_bytes for form in _remembered.values()), default=0)


def hidden_part(data: bytes, start: int, end: int) -> bytes:
    """A part of some bytes without the values to hide, and without the rest of one that begins or ends outside."""
    hides: bytearray | None = None
    for form in (each for each in _remembered.values() if each.anchor in data):
        for first, last in form.places(data):
            hides = hides or bytearray(len(data))
            hides[first:last] = b"\1" * (last - first)
    if hides is None:
        return data[start:end]
    parts = (
        HIDDEN_VALUE.encode() if hides[run.start()] else data[run.start() : run.end()]
        for run in HIDDEN_OR_SHOWN.finditer(hides, start, end)
    )
    return b"".join(parts)


def beginning(text: str, most: int) -> str:
    """The first characters of a text without the values to hide, and without the first part of one at its end."""
    end = len(text[:most].encode("utf-8", "surrogatepass"))
    data = text[: most + margin_bytes()].encode("utf-8", "surrogatepass")
    return hidden_part(data, 0, end).decode("utf-8", "replace")


def is_telling(name: str) -> bool:
    """Whether a name suggests that its value is a secret."""
    return (
        name in _names or SECRET_PARTS.search(name) is not None or any(map(SECRET_WORD.fullmatch, WORD.findall(name)))
    )


def looks_random(text: str) -> bool:
    """Whether a text may be a token by its letters and digits. A UUID, whose pieces are shorter, may be a row's key."""
    return any(len(RUN.findall(piece)) >= RANDOM_RUNS for piece in PIECE.findall(text))


def hide(value: Any) -> Any:
    """A value of a setting with every text and number in it replaced by a mark. Keys and empty values stay.

    The mark ends in a 16-bit checksum, which shows that a value has changed but does not reveal it. A mark stays as it
    is, so that what was hidden once can be hidden again, and so does a text of placeholders.
    """
    if isinstance(value, Mapping):
        return {key: hide(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hide(item) for item in value]
    if value in (None, "") or (
        isinstance(value, str) and (MARK.fullmatch(value) or ONLY_PLACEHOLDERS.fullmatch(value))
    ):
        return value
    return f"{HIDDEN_VALUE}{zlib.crc32(json.dumps(value, default=str).encode()) & 0xFFFF:04x}"


def may_be_secret(names: Iterable[str]) -> bool:
    """Whether one of the names on the way to a value of a scenario suggests that it is a secret."""
    way = set(names)
    if "target" in way:
        way.discard("pin")  # to a core
    return not way.isdisjoint(SECRET_TABLES) or any(map(is_telling, way))


def public_line(lines: Sequence[str], number: int, *, only_key: bool = False) -> str:
    """A line of a TOML file, counted from 1, without what may be a secret by its statement's keys and its table's name.

    Args:
        lines: the file.
        number: which line.
        only_key: whether any value may be a secret, because the key is not known.
    """
    line = lines[number - 1]
    header, begun = _table_and_statement(lines[: number - 1])
    if not begun and line.lstrip().startswith("["):
        if "=" not in line:
            return public_target(line)
        header = line
    keys = " ".join([header, *NAMES.findall(f"{begun}{line}")])
    if not only_key and not may_be_secret(WORDS.findall(keys)):
        return public_target(line)
    key = None if begun else KEY.match(line)
    return f"{key[0]}= {HIDDEN_VALUE}" if key else HIDDEN_VALUE


def _table_and_statement(lines: Sequence[str]) -> tuple[str, str]:
    """The header of the table in which these lines end, and what they hold of a statement that goes on after them."""
    text = "".join(f"{line}\n" for line in lines)
    header, start, depth = "", 0, 0
    for token in TOKEN.finditer(text):
        if token[0] in {"[", "{"} or (token[0][0] in "\"'" and token.lastgroup is None):
            depth += 1
        elif token[0] in {"]", "}"}:
            depth -= 1
        elif token[0] == "\n" and not depth:
            statement, start = text[start : token.start()], token.end()
            header = statement if statement.lstrip().startswith("[") else header
    return header, text[start:]


def hide_telling(values: Mapping[str, Any]) -> dict[str, Any]:
    """A table with the values hidden whose names suggest a secret."""
    return {name: hide(value) if is_telling(name) else value for name, value in values.items()}


def hide_in_query(target: str) -> str:
    """A path with its query, with the values of parameters hidden whose names suggest a secret."""
    return PARAMETER.sub(
        lambda found: f"{found[1]}{found[2]}={hide(found[3])}" if is_telling(found[2]) else found[0], target
    )


def public_target(target: str) -> str:
    """A path with its query, without the values of parameters whose names suggest a secret."""
    return _without_telling(PARAMETER, target)


def public_value(value: str) -> str:
    """A single value of a scenario, such as a malformed path: as `public_target`, to the end of each parameter."""
    return _without_telling(WHOLE_PARAMETER, value)


def _without_telling(parameter: re.Pattern[str], text: str) -> str:
    return parameter.sub(
        lambda found: f"{found[1]}{found[2]}={HIDDEN_VALUE}" if is_telling(found[2]) else found[0], text
    )


def without_userinfo(text: str) -> str:
    """Text whose URLs name no user and no password."""
    return USERINFO.sub(f"://{HIDDEN_VALUE}@", text)


def public_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Returns a command line that may be recorded: of `--set target.env.NAME=VALUE` only the name stays.

    So it is for a value that is a whole table, and for `--header NAME:VALUE`. Of `--curl COMMAND` nothing stays.
    """
    return tuple(_public_argument(*pair) for pair in zip(("", *arguments), arguments, strict=False))


def _public_argument(before: str, argument: str) -> str:
    joined = OPTION.match(argument)
    option, prefix = (joined[0][:-1], joined[0]) if joined else (before, "")
    given = argument.removeprefix(prefix)
    if option == COMMAND_OPTION:
        return f"{prefix}{HIDDEN_VALUE}"
    if option == HEADER_OPTION and ":" in given:
        return f"{prefix}{given.partition(':')[0]}:{HIDDEN_VALUE}"
    key, equals, value = given.partition("=")
    settable = SETTABLE.match(key)
    if option == SET_OPTION and settable and settable.end() < len(key):  # such as `target.env.NAME:VALUE`
        return f"{prefix}{settable[0]}{HIDDEN_VALUE}"
    parts = re.split(r"[.\[\]\s]+", key.strip())
    if equals and (not SECRET_TABLES.isdisjoint(parts) or is_telling(parts[-1]) or TABLE.match(value)):
        return f"{prefix}{key}={HIDDEN_VALUE}"
    return without_userinfo(public_value(argument))
