"""Text of foreign origin (names, paths, logs, errors) made safe to show anywhere."""

import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that do not show themselves: controls (ESC, newline), formats (bidi overrides), surrogates..."""

FORMULA = re.compile(r"[\t\r]|\s*[=+\-@]")
"""The start of a cell that is a formula for a spreadsheet, full-width characters replaced by the usual ones."""

COMMANDS = ((re.compile(r"(^|[\r\n])([^\S\r\n]*):(?=:)"), r"\1\2\\u003a"), (re.compile(r"#(?=#\[|#vso\[)"), r"\\u0023"))
"""What a CI runner takes for a command in the output of a step, and the escape it then begins with (JSON's own, so that
JSON stays what it was): `::name` at the start of a line (GitHub), `##[name]` anywhere in it (GitHub's older form and
Azure Pipelines'), `##vso[name]` (Azure Pipelines)."""


def without_commands(text: str) -> str:
    r"""The same text in which no CI runner finds a command; nothing else changes."""
    for pattern, escape in COMMANDS:
        text = pattern.sub(escape, text)
    return text


def showable(text: str) -> str:
    r"""The text on one line, with every invisible character as its escape (`\x1b`, `\u202e`)."""
    return "".join(_escaped(each) if unicodedata.category(each) in HIDDEN else each for each in text)


def csv_text(text: str) -> str:
    """The text for a cell of a CSV: what a spreadsheet would take for a formula begins with an apostrophe."""
    shown = showable(text)
    return f"'{shown}" if FORMULA.match(text) or FORMULA.match(unicodedata.normalize("NFKC", text)) else shown


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
