"""`lines.json` of a run: the source text around the lines on which the target's loop spent its time.

It is copied when the run ends, on the machine and from the files that ran. A report made later, elsewhere or from an
untrusted session shows this text and opens no file that the session names.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loopbench.errors import DataError
from loopbench.records.codec import read_json, to_json

LINES_FILE: Final = "lines.json"
LINES_FORMAT: Final = 1
MAX_BYTES: Final = 4_000_000  # largest `lines.json` that is read: many times what `capture_lines` can write
MAX_CHARACTERS: Final = 200  # the longest source line that is kept whole, and searched for what it does


@dataclass(frozen=True)
class SourceLine:
    """One line of the target's code with the lines around it, or the reason why there is no text."""

    file: str
    line: int
    first: int  # number of the first line of `text`
    text: tuple[str, ...]  # without line ends; empty if there is none
    missing: str  # why `text` is empty; "" if it is not

    @property
    def itself(self) -> str:
        """The line alone; "" if there is no text."""
        return self.text[self.line - self.first] if 0 <= self.line - self.first < len(self.text) else ""


@dataclass(frozen=True)
class SourceLines:
    """All source lines of a run."""

    format: int
    lines: tuple[SourceLine, ...]


def write_lines(folder: Path, lines: tuple[SourceLine, ...]) -> None:
    """Write the lines into a run's folder. A path that is not UTF-8 becomes one with question marks."""
    text = to_json(SourceLines(LINES_FORMAT, lines))
    (folder / LINES_FILE).write_text(text, encoding="utf-8", errors="replace")


def read_lines(folder: Path) -> dict[tuple[str, int], SourceLine]:
    """Return the lines by file and line number, cut as they are written; empty if the run has none."""
    path = folder / LINES_FILE
    kept = read_json(SourceLines, path, MAX_BYTES)
    if kept is None:
        return {}
    if kept.format != LINES_FORMAT:
        raise DataError(f"{path} has format {kept.format}; this loopbench reads {LINES_FORMAT}")
    return {(line.file, line.line): _cut(line) for line in kept.lines}


def _cut(line: SourceLine) -> SourceLine:
    return replace(line, text=tuple(each[:MAX_CHARACTERS] for each in line.text))
