"""The exceptions in a target's log, and the lines of the app's own code that led to each."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

BEGIN: Final = "Traceback (most recent call last):"
MARGIN: Final = re.compile(r"^[ +-]*\| ?")  # what Python draws before the lines of an exception group

FRAME: Final = re.compile(r'^ +File "(?P<file>.+)", line (?P<line>\d+), in (?P<function>.+)$')
INSTALLED: Final = re.compile(r"site-packages|dist-packages|/lib(64)?/python\d|^<")
MAX_LINES: Final = 5


class OwnLine(NamedTuple):
    """A line of the app's own code in a traceback."""

    file: str
    line: int
    function: str
    source: str


class Raised(NamedTuple):
    """An exception that was logged, and the own lines of its traceback, the innermost last."""

    text: str
    own: tuple[OwnLine, ...]


def raised(log: str) -> Iterator[Raised]:
    """Yield every exception of a log that has a whole traceback."""
    own: list[OwnLine] | None = None
    lines = [MARGIN.sub("", line) for line in log.splitlines()]
    for line, source in pairwise([*lines, ""]):
        if line == BEGIN:
            own = []
        elif own is not None and (frame := FRAME.match(line)):
            place = OwnLine(frame["file"], int(frame["line"]), frame["function"], source.strip())
            own += [] if INSTALLED.search(place.file) else [place]
        elif own is not None and line and not line.startswith(" "):
            yield Raised(line, tuple(own))
            own = None


def last_exception(log: str) -> str:
    """Return the last exception of a log with the last lines of the app's own code; empty if there is none."""
    *_, (text, own) = [Raised("", ()), *raised(log)]
    return "\n".join(
        [text, *(f"{each.file}:{each.line} in {each.function}: {each.source}" for each in own[-MAX_LINES:])]
    )
