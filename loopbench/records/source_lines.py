"""`lines.json` of a run: the source text around the lines on which the target's loop spent its time.

Copied when the run ends, on the machine and with the files that ran. A report made later, elsewhere or from a
stranger's session shows what is in here and opens no file that a session names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import DataError
from loopbench.records.codec import from_json, to_json

LINES_FILE: Final = "lines.json"
LINES_FORMAT: Final = 1
MAX_BYTES: Final = 4_000_000
"""Of a `lines.json`: many times what `capture_lines` can write."""


@dataclass(frozen=True)
class SourceLine:
    """One line of the target's code, with its neighbours; or why there is no text."""

    file: str
    line: int
    first: int  # number of the first line of `text`
    text: tuple[str, ...]  # without line ends; empty when there is none
    missing: str  # why `text` is empty; "" when it is not

    @property
    def itself(self) -> str:
        """The line alone; "" when there is no text."""
        return self.text[self.line - self.first] if 0 <= self.line - self.first < len(self.text) else ""


@dataclass(frozen=True)
class SourceLines:
    """All that was kept of a run."""

    format: int
    lines: tuple[SourceLine, ...]


def write_lines(folder: Path, lines: tuple[SourceLine, ...]) -> None:
    """Lay them down in a run's folder."""
    (folder / LINES_FILE).write_text(
        to_json(SourceLines(LINES_FORMAT, lines)), encoding="utf-8", errors="surrogatepass"
    )


def read_lines(folder: Path) -> dict[tuple[str, int], SourceLine]:
    """By file and line number; empty when the run kept none.

    Raises:
        DataError: the file is damaged, of another format, a link, or larger than any that is written.
    """
    path = folder / LINES_FILE
    if not path.exists():
        return {}
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} is not a file that a run of loopbench leaves")
    kept = from_json(SourceLines, path.read_bytes(), str(path))
    if kept.format != LINES_FORMAT:
        raise DataError(f"{path} has format {kept.format}; this loopbench reads {LINES_FORMAT}")
    return {(line.file, line.line): line for line in kept.lines}
