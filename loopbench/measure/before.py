"""Values of placeholders: read once per session, and captured by the `[[before]]` requests of each run."""

import csv
import itertools
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.errors import UsageError
from loopbench.measure.asking import Answer
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.measure.verify import ask_request, wrong_answer
from loopbench.scenario import Scenario
from loopbench.scenario.captures import MAX_CAPTURED_CHARS, MAX_JSON_BODY_BYTES, json_body
from loopbench.scenario.data import Column, Draw, R, UserValues, Values
from loopbench.scenario.requests import Before
from loopbench.scenario.secrets import parts_of, secret_data
from loopbench.secrecy import beginning, remember

MAX_NAMES: Final = 20
MAX_NAME_CHARS: Final = 100
"""Of a wrong answer, in an error."""


def read_values(scenario: Scenario, environ: Mapping[str, str]) -> Values:
    """Return environment variables and data of a scenario, and hide what is secret of them from now on.

    Raises:
        UsageError: a variable is not set, or a file has no such column or no rows.
    """
    requests = (*scenario.before, *scenario.requests, *scenario.variants)
    names = {name for request in requests for name in request.variables}
    missing = sorted(names - environ.keys())
    if missing:
        raise UsageError(
            f"environment variables of the scenario are not set: {', '.join(missing)}",
            slug="environment-variable",
            where=str(scenario.file),
            hints=tuple(f"export {name}=..." for name in missing),
        )
    known = {f"${name}": environ[name] for name in names}
    remember(part for value in known.values() for part in parts_of(value))
    return Values(known=known, tables=_tables(scenario))


class _Unique:
    """Numbers for loads: no other load takes any of the two million that follow the first of one."""

    _next = 0

    def begin(self) -> int:
        """Return the first number for one load: the time in microseconds, or a higher one."""
        first = max(self._next, time.time_ns() // 1000)
        self._next = first + 2_000_000
        return first


_unique = _Unique()


@dataclass(frozen=True)
class Prepared:
    """The values of one run after its `[[before]]` requests."""

    values: Values
    user: UserValues  # of the harness, which sends requests as one user

    def filled(self, request: R) -> R:
        """Return a request as it is sent."""
        return self.user.filled(request, request.placeholders)


def prepare(target: AnyTarget, scenario: Scenario, values: Values, stop: StopWish) -> Prepared:
    """Send the `[[before]]` requests in order: those of the run, then as one user those of each user."""
    user = UserValues(values.known, Draw(values.model_copy(update={"first_unique": _unique.begin()})))
    for before in (each for each in scenario.before if each.per == "run"):
        user.known |= _send(target, before, user.filled(before, before.placeholders), stop)
    known = dict(user.known)
    for before in (each for each in scenario.before if each.per == "user"):
        user.known |= _send(target, before, user.filled_and_kept(before), stop)
    return Prepared(values.model_copy(update={"known": known, "first_unique": _unique.begin()}), user)


def _send(target: AnyTarget, before: Before, filled: Before, stop: StopWish) -> dict[str, Any]:
    """Send one request and return what it captures. Its answer is not shown, because it may hold a token."""
    answer = ask_request(target, filled, stop)
    captured = before.captured(answer.headers, answer.body)
    remember(part for value in captured.values() for part in parts_of(str(value)))
    problem = before.expect.problem(answer.status, answer.body)
    if problem is not None:
        raise wrong_answer(target, before, problem, _outline(answer), variables=before.variables)
    missing = next((name for name in before.capture if name not in captured), None)
    if missing is not None:
        usable = f"a number, or a text of at most {MAX_CAPTURED_CHARS:,} characters"
        problem = f"it has no {before.capture[missing]} to capture as {missing!r}: {usable}"
        raise wrong_answer(target, before, problem, _outline(answer))
    return captured


def _outline(answer: Answer) -> str:
    """Describe an answer without its values."""
    body = json_body(answer.body)
    keys = _names(body) if isinstance(body, dict) else "no JSON object"
    if len(answer.body) > MAX_JSON_BODY_BYTES:
        keys = f"more than {MAX_JSON_BODY_BYTES:,} bytes, so it is not read as JSON"
    return f"status {answer.status}; headers: {_names([name for name, _ in answer.headers])}; body: {keys}"


def _names(names: Collection[str]) -> str:
    """The first of some names, each cut."""
    shown = [beginning(name, MAX_NAME_CHARS) for name in itertools.islice(names, MAX_NAMES)]
    return ", ".join([*shown, f"and {len(names) - len(shown):,} more"] if len(names) > len(shown) else shown)


def _tables(scenario: Scenario) -> list[dict[str, list[Any]]]:
    """Return each list as a table of its own, and the columns of each file as one."""
    tables: dict[str, dict[str, list[Any]]] = {}
    secret = set(secret_data(scenario))
    for name, data in scenario.data.items():
        values = _column(scenario.file.parent / data.file, data.column) if isinstance(data, Column) else data
        if name in secret:
            remember(part for value in values for part in parts_of(str(value)))
        tables.setdefault(data.file if isinstance(data, Column) else f"[data] {name}", {})[name] = values
    return list(tables.values())


def _column(file: Path, column: str) -> list[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise UsageError(f"{file} cannot be read as CSV: {problem}", slug="data-file", where=str(file)) from None
    columns = list(rows[0]) if rows else []
    if column not in columns or any(row[column] is None for row in rows):
        allowed = f"a header line, and rows with all of: {', '.join(map(str, columns))}" if rows else "rows"
        raise UsageError(f"{file} has no whole column {column!r}", slug="data-file", where=str(file), allowed=allowed)
    return [row[column] for row in rows]
