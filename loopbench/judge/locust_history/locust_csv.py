"""Locust's `*_stats_history.csv` of any version from 1.0 on: found, read by header name, refused with a reason.

The columns differ between versions and with the percentiles a user chose; four of them matter here. A file holds the
rows of all requests together (named Aggregated, about one a second), and with `--csv-full-history` one for every name
before it. A last line torn by a kill is left out with a note; anything else that is not as Locust writes it is a
`DataError` with its line. What the counts mean is the business of `locust_curve`.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, TextIO

from loopbench.errors import DataError, UsageError

SUFFIX: Final = "_stats_history.csv"
SIBLINGS: Final = ("_stats.csv", "_failures.csv", "_exceptions.csv")

MAX_BYTES: Final = 200_000_000
"""Two weeks of one row a second. Full history of many names gets there sooner: chart it without."""

AGGREGATED: Final = "Aggregated"
"""Locust's name for the row of all requests. It has no request type, which tells it from a user's own such name."""

_COLUMNS: Final = {
    "stamp": ("timestamp",),
    "users": ("user count",),
    "type": ("type",),
    "name": ("name",),
    "requests": ("total request count", "# requests"),
    "failures": ("total failure count", "# failures"),
}
"""What is read, and its names in small letters, newest first. The second ones are of pre-releases of 1.0."""

_NO_TYPE = {"", "None"}
_LARGEST = 2**53


class Row(NamedTuple):
    """One moment: Unix time cut to whole seconds, users alive, and the counts since the last reset."""

    stamp_s: int
    users: int
    requests: int
    failures: int


@dataclass(frozen=True, slots=True)
class History:
    """The rows of one entry of one file, in the order of the file; `notes` say what was left out."""

    path: Path
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def find_history(prefix: Path) -> Path:
    """The history file that is meant by a `--csv` prefix, by any of Locust's four files, or by a folder with just one.

    Raises:
        UsageError: there is none.
    """
    stem = prefix.name
    for suffix in (SUFFIX, *SIBLINGS):
        stem = stem.removesuffix(suffix)
    inside = sorted(prefix.glob("*" + SUFFIX)) if prefix.is_dir() else []
    candidates = [prefix.parent / (stem + SUFFIX), prefix, *(inside if len(inside) == 1 else [])]
    for path in candidates:
        if path.is_file():
            return path
    raise UsageError(
        f"there is no Locust history for {str(prefix)!r}",
        slug="csv-missing",
        where=str(candidates[0]),
        allowed="the PREFIX given to `locust --csv PREFIX`, or the path of one *_stats_history.csv",
        hints=("locust --headless -u 100 -r 1 -t 2m --csv PREFIX -f locustfile.py -H http://127.0.0.1:8000",),
    )


def read(path: Path, entry: str = AGGREGATED) -> History:
    """All rows of one entry.

    Args:
        path: a `*_stats_history.csv`.
        entry: a request name, summed over its types. Other than the default only in files with full history.

    Raises:
        DataError: empty, too large, not Locust's history, damaged before its last line, or without the entry.
    """
    if path.stat().st_size > MAX_BYTES:
        _refuse(path, "csv-too-big", "the file is too large to chart", f"up to {MAX_BYTES:,} bytes")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = _Lines(path, file)
        rows = tuple(_rows(lines, entry))
    if not rows:
        _refuse(path, "csv-no-rows", "the file has a header and no whole row named Aggregated", "about a row a second")
    if entry != AGGREGATED and not rows[-1].requests:
        _refuse(path, "csv-no-entry", f"no request is named {entry!r}", "a name in a file with full history")
    return History(path, rows, lines.notes)


class _Line(NamedTuple):
    number: int  # of its last physical line: a quoted name may hold line ends
    cells: list[str]


class _Lines:
    """The whole lines under the header, one by one; afterwards `notes` holds a note if the last one was torn."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self._file = file
        self.notes: tuple[str, ...] = ()
        self._reader = csv.reader(file)
        self._header = [cell.strip() for cell in self._next_cells() or []]
        if not self._header:
            _refuse(path, "csv-empty", "the file is empty", "a header, then about a row a second")
        self._columns = _find_columns(path, self._header)

    def __iter__(self) -> Iterator[_Line]:
        """Looks one line ahead, because only the last one may be torn."""
        ahead = self._next_line()
        while (line := ahead) is not None:
            ahead = self._next_line()
            if len(line.cells) < len(self._header) or (ahead is None and not _ends_with_a_line_end(self._file)):
                if ahead is not None:
                    self.refuse(line, f"{len(line.cells)} cells instead of {len(self._header)}")
                self.notes = (f"line {line.number} is torn, as a kill leaves it: left out",)
            elif line.cells != self._header:  # files set one behind the other repeat it
                yield line

    def text(self, line: _Line, column: str) -> str:
        return line.cells[self._columns[column]]

    def number(self, line: _Line, column: str) -> int:
        text = self.text(line, column)
        if not text.strip().isdecimal() or not int(text[:20]) < _LARGEST:
            self.refuse(line, f"{text[:40]!r} is not a whole number in column {self._header[self._columns[column]]!r}")
        return int(text)

    def refuse(self, line: _Line, what: str) -> NoReturn:
        raise DataError(
            f"this line is not as Locust writes it: {what}",
            slug="csv-damaged",
            where=f"{self.path}:{line.number}",
            allowed="only the last line of a history may be damaged",
            hints=(f"cut the file before line {line.number} and plot what is left",),
        )

    def _next_line(self) -> _Line | None:
        cells = self._next_cells()
        return None if cells is None else _Line(self._reader.line_num, cells)

    def _next_cells(self) -> list[str] | None:
        """The next line that is not blank."""
        try:
            return next((cells for cells in self._reader if cells), None)
        except csv.Error as error:
            self.refuse(_Line(self._reader.line_num, []), str(error))


def _rows(lines: _Lines, entry: str) -> Iterator[Row]:
    """One row for each Aggregated line: it closes the block of lines with one timestamp."""
    known = found = (0, 0)  # a name has no line before its first request: until then, nothing
    for line in lines:
        is_total = lines.text(line, "name") == AGGREGATED and lines.text(line, "type") in _NO_TYPE
        if is_total if entry == AGGREGATED else lines.text(line, "name") == entry and not is_total:
            found = (found[0] + lines.number(line, "requests"), found[1] + lines.number(line, "failures"))
        if is_total:
            known = found if any(found) or entry == AGGREGATED else known
            yield Row(lines.number(line, "stamp"), lines.number(line, "users"), *known)
            found = (0, 0)


def _find_columns(path: Path, header: list[str]) -> dict[str, int]:
    places = {cell.lower(): index for index, cell in enumerate(header)}
    columns = {key: next((places[n] for n in names if n in places), None) for key, names in _COLUMNS.items()}
    missing = [_COLUMNS[key][0] for key, place in columns.items() if place is None]
    if missing:
        _refuse_foreign(path, missing, places)
    return {key: place for key, place in columns.items() if place is not None}


def _refuse_foreign(path: Path, missing: list[str], places: dict[str, int]) -> NoReturn:
    hint = "give the prefix that was given to `locust --csv`, or its *_stats_history.csv"
    if "request count" in places:
        hint = f"this is Locust's summary at the end of a test: give the file that ends in {SUFFIX}"
    elif missing == ["user count"]:
        hint = "Locust before 1.0 did not write the number of users: repeat the test with a newer one"
    raise DataError(
        f"not a Locust history: no column {', '.join(repr(name) for name in missing)}",
        slug="csv-foreign",
        where=f"{path}:1",
        allowed="a header with Timestamp, User Count, Type, Name, Total Request Count, Total Failure Count",
        hints=(hint,),
    )


def _refuse(path: Path, slug: str, what: str, allowed: str) -> NoReturn:
    raise DataError(
        what,
        slug=slug,
        where=str(path),
        allowed=allowed,
        hints=("let Locust run for some seconds with --csv PREFIX, then `loopbench plot PREFIX`",),
    )


def _ends_with_a_line_end(file: TextIO) -> bool:
    """Of a file that was read to its end."""
    file.buffer.seek(-1, os.SEEK_END)
    return file.buffer.read(1) in b"\r\n"
