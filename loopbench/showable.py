"""Text of foreign origin (names, paths, logs, errors) made safe to show anywhere."""

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that do not show themselves: controls (ESC, newline), formats (bidi overrides), surrogates..."""


def showable(text: str) -> str:
    r"""The text on one line, with every invisible character as its escape (`\x1b`, `\u202e`)."""
    return "".join(_escaped(each) if unicodedata.category(each) in HIDDEN else each for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
