"""The rows of a history, and those that an earlier reading kept beside the sessions.

`make benchmark NAME=history` shows what they save. A kept row counts while its session's files are the ones that it was
made from (`identity_of`), and the session before it and the tolerance are the same.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from loopbench import __version__
from loopbench.errors import DataError
from loopbench.judge.figures import half_width, rounded
from loopbench.judge.statistics.verdict import Word
from loopbench.records.files import read_optional, write_file
from loopbench.records.session import RUN_FILE, SESSION_FILE, SUMMARY_STEM, run_folders

SEVERAL: Final = "several"
ROWS_FILE: Final = ".history.json"
ROWS_FORMAT: Final = 1  # Raise it when the same files give other rows.


class Mark(StrEnum):
    """The change of a figure since the session before. Empty where the interval holds 1."""

    REGRESSION = "REGRESSION"  # a loss, the whole interval beyond the tolerance
    LOSS = "slower"  # a loss that is shown, within the tolerance or not surely beyond it
    IMPROVEMENT = "improvement"
    NONE = ""


@dataclass(frozen=True)
class Point:
    """One figure of one session. Without rounds it comes from one ramp run and has no interval."""

    value: float | None  # None: INVALID, or not measured
    low: float | None  # ends of the 95 % interval over the rounds' runs
    high: float | None
    runs: int  # valid ones of the rounds; 0: of a ramp
    mark: Mark
    ratio: float | None  # over the one before; None where they are not compared
    ratio_interval: tuple[float, float] | None

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches up, as a part of the value."""
        return None if self.high is None or not self.value else self.high / self.value - 1

    @property
    def shown(self) -> str:
        """`487 ±2.1 %`, `487 (ramp)`; empty where there is no figure."""
        if self.value is None:
            return ""
        if not self.runs:
            return f"{rounded(self.value)} (ramp)"
        width = self.half_width
        return rounded(self.value) if width is None else f"{rounded(self.value)} ±{half_width(width)}"

    @property
    def change(self) -> str:
        """`REGRESSION x0.62`; empty where nothing is marked."""
        return f"{self.mark} x{self.ratio:.2f}" if self.mark and self.ratio is not None else ""


@dataclass(frozen=True)
class Entry:
    """One variant in one session."""

    variant: str
    goodput: Point  # good answers per second at all users
    neighbour: Point | None  # p99 of the first neighbour, ms
    words: tuple[tuple[str, Word], ...]  # goodput's verdicts on this variant, each against another one

    @property
    def verdict(self) -> str:
        """The verdict on its goodput, `SEVERAL` where there are several, empty where there is none."""
        words = {word for _, word in self.words}
        return SEVERAL if len(words) > 1 else "".join(words)

    @property
    def change(self) -> str:
        """What is marked."""
        p99 = self.neighbour.change if self.neighbour else ""
        return ", ".join(filter(None, [self.goodput.change, p99 and f"p99 {p99}"]))


@dataclass(frozen=True)
class SessionEntry:
    """One session in the row."""

    name: str
    started: str  # ISO 8601, UTC
    code: str  # commits, in a few words
    stamp: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class KeptRow:
    """What a history needs of one session, and what that was made from."""

    identity: str  # of the session's files
    started: str  # ISO 8601, UTC
    facts: str  # digest of the facts in which sessions must agree
    has_rounds: bool
    refused_by: str  # facts of the newest session, with which it was compared
    refusal: str  # why it is not in the row; empty: it is
    follows: str  # identity of the session before and tolerance, by which the entry is marked
    entry: SessionEntry | None  # None: it is not in the row


Rows = Mapping[str, KeptRow]
"""By the name of the session."""
_ROWS: Final = TypeAdapter(dict[str, KeptRow])


def identity_of(session: Path) -> str:
    """Return a digest of name, size and time of `session.json`, `summary.json` and each run's `run.json`.

    It holds the versions of loopbench and of these rows too: another version may judge the same files otherwise.
    """
    files = [
        session / SESSION_FILE,
        session / f"{SUMMARY_STEM}.json",
        *(run / RUN_FILE for run in run_folders(session)),
    ]
    return digest([__version__, ROWS_FORMAT, *map(_file_identity, files)])


def digest(values: object) -> str:
    """Return a short text that differs for other values."""
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()


def _file_identity(path: Path) -> tuple[str, int, int]:
    try:
        about = path.lstat()
    except FileNotFoundError:
        return str(path.parent.name), -1, -1
    return str(path.parent.name), about.st_size, about.st_mtime_ns


def read_rows(folder: Path) -> Rows:
    """Return the rows that were kept; none if the file is missing or is not what `write_rows` writes."""
    with suppress(DataError, ValidationError):
        return _ROWS.validate_json(read_optional(folder / ROWS_FILE) or b"{}", strict=True)
    return {}


def write_rows(folder: Path, rows: Rows) -> None:
    """Keep rows for the next reading. A folder in which nothing can be written is left as it is."""
    with suppress(OSError):
        write_file(folder / ROWS_FILE, json.dumps({name: asdict(row) for name, row in rows.items()}))
