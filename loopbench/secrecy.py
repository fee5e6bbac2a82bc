"""Removes secrets from text: command lines, URLs, paths with a query, logs. Decides by names; reads no file.

Values of `env`, headers and bodies are always secrets. Parameters and the user's own variables are secrets if their
names suggest it (`api_key`, `DATABASE_PASSWORD`), and so is the password inside any URL.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

HIDDEN_VALUE: Final = "***"

SECRET_TABLES: Final = frozenset({"env", "headers", "json", "body"})
"""Values under these keys may be a password or a token."""

TELLING: Final = re.compile(
    r"token|secret|passw|passphrase|pwd|credential|signature|cookie|jwt|dsn|private|auth(?!or)|api_?key|(^|[_-])(key|sig)$",
    re.IGNORECASE,
)
PARAMETER: Final = re.compile(r"([?&])([^=&#]+)=([^&#\"\s]*)")
PASSWORD_IN_URL: Final = re.compile(r"(://[^/@\s:]*):([^/@\s]+)@")
USERINFO: Final = re.compile(r"://[^/@\s]+@")


def is_telling(name: str) -> bool:
    """Whether a name suggests that its value is a secret."""
    return TELLING.search(name) is not None


def public_target(target: str) -> str:
    """A path with its query, without the values of parameters whose names suggest a secret."""
    return PARAMETER.sub(
        lambda found: f"{found[1]}{found[2]}={HIDDEN_VALUE}" if is_telling(found[2]) else found[0], target
    )


def without_userinfo(text: str) -> str:
    """Text whose URLs name no user and no password."""
    return USERINFO.sub(f"://{HIDDEN_VALUE}@", text)


def public_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Returns a command line that may be recorded: of `--set target.env.NAME=VALUE` only the name stays."""
    return tuple(map(_public_argument, arguments))


def _public_argument(argument: str) -> str:
    prefix = "--set=" if argument.startswith("--set=") else ""
    key, equals, _ = argument.removeprefix(prefix).partition("=")
    parts = re.split(r"[.\[\]]+", key)
    if equals and (not SECRET_TABLES.isdisjoint(parts) or is_telling(parts[-1])):
        return f"{prefix}{key}={HIDDEN_VALUE}"
    return without_userinfo(public_target(argument))


def hidden(text: str, values: Iterable[str]) -> str:
    """The text without these values."""
    for value in values:
        text = text.replace(value, HIDDEN_VALUE)
    return text
