"""`[data]`: values for placeholders, and how requests take them, row after row."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field

from loopbench.scenario.requests import PlainRequest
from loopbench.scenario.templates import UNIQUE
from loopbench.scenario.values import Name, Scalar, Strict, recorded_as
from loopbench.secrecy import hide

R = TypeVar("R", bound=PlainRequest)  # a request stays of its own kind when it is filled


class Column(Strict):
    """One column of a CSV file with a header line. Columns of the same file are taken together, row by row."""

    file: str
    """Path of the file, relative to the scenario."""
    column: str
    """Name of the column."""


def _hide_lists(data: Mapping[str, Any]) -> dict[str, Any]:
    """Hide all of them: a value may be a password or a token of a header or body, whatever its name is."""
    return {name: hide(each) if isinstance(each, list) else each for name, each in data.items()}


Data = Annotated[
    dict[Name, Annotated[list[Scalar], Field(min_length=1, max_length=10_000)] | Column], recorded_as(_hide_lists)
]


class Values(Strict):
    """What placeholders are filled with during one run. It is never written to a file: it may hold secrets."""

    known: Mapping[str, Scalar] = Field(default={}, repr=False)
    """Captured values, and environment variables with a $ before their name."""
    tables: list[dict[str, list[Scalar]]] = Field(default=[], repr=False)
    """Columns by their placeholder, of a list or of one CSV file. One row of a table is taken at a time."""
    first_unique: int = 0
    """First `{unique}` of the run: no number is used twice in a session."""


NO_VALUES: Final = Values()


class Draw:
    """Takes rows in the order of the file, and begins again at its end.

    Of several processes, each takes its share of rows and numbers: two users should not be the same person, and no two
    requests may have the same unique number.

    Args:
        values: what there is to take.
        process: number of this process.
        processes: how many there are.
    """

    def __init__(self, values: Values, process: int = 0, processes: int = 1) -> None:
        self._unique = itertools.count(values.first_unique + process, processes)
        self._tables = [
            (table.keys(), itertools.islice(_endless(table), process, None, processes)) for table in values.tables
        ]

    def take(self, names: Iterable[str]) -> dict[str, Any]:
        """Return values for these names, and those of the same rows; names that are not drawn are left out."""
        wanted, taken = set(names), dict[str, Any]()
        for keys, rows in self._tables:
            if not wanted.isdisjoint(keys):
                taken |= zip(keys, next(rows), strict=True)
        if UNIQUE in wanted:
            taken[UNIQUE] = next(self._unique)
        return taken


def _endless(table: dict[str, list[Scalar]]) -> Iterator[tuple[Scalar, ...]]:
    return itertools.cycle(zip(*table.values(), strict=True))


class UserValues:
    """The values of one user: what is known, and what it takes for each request."""

    def __init__(self, known: Mapping[str, Any], draw: Draw) -> None:
        self.known = dict(known)
        self._draw = draw

    def filled(self, request: R, names: AbstractSet[str]) -> R:
        """Return a request as it is sent next, with new rows.

        `names` are its placeholders: they are found once and not for every request.
        """
        return request.filled(self._draw.take(names - self.known.keys()) | self.known)

    def filled_and_kept(self, request: R) -> R:
        """Return a request as it is sent, and keep its rows for all requests of this user, as of a login.

        A unique number is not kept: it is used once.
        """
        drawn = self._draw.take(request.placeholders - self.known.keys())
        filled = request.filled(drawn | self.known)
        self.known |= {name: value for name, value in drawn.items() if name != UNIQUE}
        return filled
