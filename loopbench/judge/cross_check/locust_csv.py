"""Locust's `*_stats_history.csv` of any version from 1.0 on: found, read by header name, refused with a reason.

The columns differ between versions and with the percentiles a user chose; six of them matter here. A file holds a row
of all requests together (named Aggregated) about every second, and with `--csv-full-history` rows of single names,
which are not read. A last line torn by a kill is left out with a note; anything else that is not as Locust writes it
is a `DataError`. What the counts mean is the business of `locust_curve`.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NoReturn

import pandas as pd

from loopbench.errors import DataError, UsageError

SUFFIX: Final = "_stats_history.csv"
SIBLINGS: Final = ("_stats.csv", "_failures.csv", "_exceptions.csv")

MAX_BYTES: Final = 200_000_000
MAX_ROWS: Final = 1_000_000
"""Two weeks of one row a second. Full history of many names gets there sooner: chart it without."""
MAX_ARRIVALS: Final = 1_000_000
"""Users that came and went: one row may hold them all, and each can become an arrival of its own."""

COUNTS: Final = ("stamp_s", "users", "requests", "failures")
_COLUMNS: Final = {
    "stamp_s": ("timestamp",),
    "users": ("user count",),
    "type": ("type",),
    "name": ("name",),
    "requests": ("total request count", "# requests"),
    "failures": ("total failure count", "# failures"),
}
"""What is read, and its names in small letters, newest first. The second ones are of pre-releases of 1.0."""

_OPTIONS: Final[dict[str, Any]] = {
    "dtype": str,
    "na_filter": False,
    "skip_blank_lines": False,  # so that a row's place is its line
    "index_col": False,
    "encoding_errors": "replace",
}
_WHOLE_NUMBER = r"\s*[0-9]{1,15}\s*"


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What one file says of all requests together."""

    path: Path  # of the file
    # whole numbers, a row about every second: `stamp_s` (Unix time cut to seconds), `users` alive, and the counts of
    # `requests` and `failures` since the last reset
    rows: pd.DataFrame
    notes: tuple[str, ...] = ()  # what was left out


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


def read(path: Path) -> History:
    """Read the rows of all requests together."""
    if path.stat().st_size > MAX_BYTES:
        _refuse(path, "csv-too-big", "the file is too large to chart", f"up to {MAX_BYTES:,} bytes")
    data = path.read_bytes()
    if data.count(b"\n") > MAX_ROWS:  # empty ones take memory too
        _refuse(path, "csv-too-big", "the file has too many lines to chart", f"up to {MAX_ROWS:,} lines")
    end = data.rfind(b"\n") + 1 or len(data)
    cells = _read_table(path, data[:end])
    # A user's own request of that name has a type.
    totals = cells.loc[(cells["name"] == "Aggregated") & cells["type"].isin(["", "None"]), list(COUNTS)]
    if totals.empty:
        _refuse(path, "csv-no-rows", "the file has a header and no whole row named Aggregated", "about a row a second")
    for column, texts in totals.items():
        wrong = texts[~texts.str.fullmatch(_WHOLE_NUMBER)]
        if len(wrong):
            what = f"{wrong.iloc[0][:40]!r} is not a whole number in column {_COLUMNS[str(column)][0]!r}"
            _refuse_line(path, wrong.index[0], what)
    table = totals.apply(pd.to_numeric).reset_index(drop=True)
    if table["users"].diff().abs().sum() > MAX_ARRIVALS:
        _refuse(path, "csv-too-big", "more users came and went than can be charted", f"up to {MAX_ARRIVALS:,}")
    lines = data.count(b"\n")
    torn = (f"line {lines + 1} is torn, as a kill leaves it: left out",) if data[end:].strip() else ()
    return History(path, table, torn)


def _read_table(path: Path, data: bytes) -> pd.DataFrame:
    """The columns of `_COLUMNS` as texts, by their keys; each row's place is that of its line under the header."""
    try:
        header = list(pd.read_csv(BytesIO(data), nrows=0, **_OPTIONS).columns)
        places = _find_columns(path, [name.strip().lower() for name in header])
        read = pd.read_csv(BytesIO(data), usecols=[*places.values(), len(header) - 1], **_OPTIONS)
    except pd.errors.EmptyDataError:
        _refuse(path, "csv-empty", "the file is empty", "a header, then about a row a second")
    except pd.errors.ParserError as error:
        _refuse(path, "csv-damaged", f"the file is not as Locust writes it: {error}", "lines as long as the header")
    is_short = (read.iloc[:, -1] == "") & (read != "").any(axis=1)
    if is_short.any():
        _refuse_line(path, read.index[is_short][0], "it has fewer cells than the header")
    return pd.DataFrame({key: read[header[place]] for key, place in places.items()})


def _find_columns(path: Path, header: list[str]) -> dict[str, int]:
    found = {key: next((header.index(name) for name in names if name in header), -1) for key, names in _COLUMNS.items()}
    missing = [_COLUMNS[key][0] for key, place in found.items() if place < 0]
    if not missing:
        return found
    hint = "give the prefix that was given to `locust --csv`, or its *_stats_history.csv"
    if "request count" in header:
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


def _refuse_line(path: Path, place: int, what: str) -> NoReturn:
    raise DataError(
        f"this line is not as Locust writes it: {what}",
        slug="csv-damaged",
        where=f"{path}:{place + 2}",
        allowed="only the last line of a history may be damaged",
        hints=(f"cut the file before line {place + 2} and plot what is left",),
    )


def _refuse(path: Path, slug: str, what: str, allowed: str) -> NoReturn:
    raise DataError(
        what,
        slug=slug,
        where=str(path),
        allowed=allowed,
        hints=("let Locust run for some seconds with --csv PREFIX, then `loopbench plot PREFIX`",),
    )
