"""Loads a scenario file: applies overrides, validates, reports all mistakes at once."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loopbench.errors import ScenarioError, ScenarioProblem, UsageError
from loopbench.scenario.model import Scenario
from loopbench.scenario.problems import Key, from_validation, problem_at
from loopbench.scenario.toml import MAX_DOTS_IN_A_KEY, read_toml
from loopbench.secrecy import HIDDEN_VALUE, SET_OPTION, public_arguments

RELATIVE = "a path relative to the scenario file"

QUICK: dict[str, dict[str, Any]] = {
    "load": {"hold_s": 5.0, "warmup_s": 0.5, "drain_s": 10.0, "step_runs": 1, "step_s": 2.0},
    "repeat": {"max_rounds": 0},
}
QUICK_RAMP_S = 10.0
"""`--quick`: the same users, variants and charts, but with a ramp of this length and a short hold."""

QUICK_ROUNDS = {"max_rounds": 5, "min_rounds": 5, "window_s": 1.5}
"""`--quick`, where the targets of a round are loaded in turns. Separate runs would take too long: no rounds then.

Five rounds and not three longer ones: with three pairs, Student's t over the root of the rounds is 1.8 instead of 4.4.
"""

DEFAULT_USERS = 100


def load(path: Path, overrides: tuple[str, ...] = (), *, quick: bool = False, rounds: int | None = None) -> Scenario:
    """Load and validate a scenario.

    Args:
        path: the TOML file.
        overrides: `key.key=value` texts, each value written as in TOML, applied on top of the file. A key of
            `variants` is set in every variant.
        quick: shorten the load, for a first look.
        rounds: overrides the file's `max_rounds`.

    Raises:
        UsageError: the file cannot be read or is not TOML, or an override is malformed.
        ScenarioError: keys or values are wrong; it lists all of them.
    """
    text, raw = read_toml(path)
    raw.setdefault("title", path.stem)
    for override in overrides:
        _apply(raw, override)
    if quick:
        _make_quick(raw)
    if rounds is not None:
        _update(raw, "repeat", {"max_rounds": rounds})
    problems = list(_missing_paths(raw, path.parent, text))
    try:
        scenario = Scenario.model_validate(raw, context={"file": path})
        if quick and rounds is None and not scenario.isolated_because:
            _update(raw, "repeat", QUICK_ROUNDS)
            scenario = Scenario.model_validate(raw, context={"file": path})
    except ValidationError as error:
        problems += from_validation(error, text)
    if problems:
        shown = {problem.line: problem.source for problem in problems if problem.is_unknown}
        safe = (
            replace(each, source=shown[each.line], column=None) if each.line in shown and not each.is_unknown else each
            for each in problems
        )
        placed = (_at_override(problem, overrides) for problem in safe)
        raise ScenarioError(str(path), tuple(sorted(placed, key=lambda problem: problem.line or 0)))
    return scenario


def _at_override(problem: ScenarioProblem, overrides: tuple[str, ...]) -> ScenarioProblem:
    """The same problem, placed at the `--set` that gave the value, if one did."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        if problem.path == key:
            shown = f"{key}={HIDDEN_VALUE}" if problem.is_unknown else public_arguments([override])[0]
            return replace(problem, line=None, column=None, source=f"{SET_OPTION} {shown}")
    return problem


def _apply(raw: dict[str, Any], override: str) -> None:
    """Set one value by its dotted key; in a list of tables such as `variants`, in each of them."""
    key, sign, value = override.partition("=")
    _, shown = public_arguments([SET_OPTION, override])
    parts = key.strip().split(".")
    if not sign or not all(parts) or len(parts) > MAX_DOTS_IN_A_KEY:
        raise UsageError(f"--set {shown!r} is not KEY=VALUE", slug="override", hints=("--set load.users=50",))
    tables: list[Any] = [raw]
    for part in parts[:-1]:
        found = [table.setdefault(part, {}) for table in tables]
        tables = [each for item in found for each in (item if isinstance(item, list) else [item])]
        if not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"--set {shown!r}: {part} is not a table", slug="override")
    for table in tables:
        table[parts[-1]] = _value(value.strip())


def _value(text: str) -> Any:
    """Parse a TOML value; a bare word is a string, as a shell user expects."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _make_quick(raw: dict[str, Any]) -> None:
    users = _at(raw, ("load", "users")) or DEFAULT_USERS
    for table, values in QUICK.items():
        _update(raw, table, values)
    if isinstance(users, int):
        _update(raw, "load", {"spawn_rate": max(1.0, users / QUICK_RAMP_S)})


def _update(raw: dict[str, Any], key: str, values: dict[str, Any]) -> None:
    """Set values in a table; if it is not a table, the model reports that."""
    table = raw.setdefault(key, {})
    if isinstance(table, dict):
        table.update(values)


def _missing_paths(raw: dict[str, Any], folder: Path, text: str) -> Iterator[ScenarioProblem]:
    """Yield a problem for each missing folder or file. It reads the raw tables, to report them with all mistakes."""
    variants = raw.get("variants")
    keys: list[Key] = [("target",)]
    if isinstance(variants, list):
        keys += [("variants", index, "target") for index in range(len(variants))]
    for key in keys:
        for name in ("app_dir", "probe_dir"):
            path = _at(raw, (*key, name))
            if isinstance(path, str) and not _is_there(folder / path, Path.is_dir):
                yield problem_at((*key, name), f"there is no folder {(folder / path).absolute()}", RELATIVE, text)
        python = _at(raw, (*key, "python"))
        if isinstance(python, str) and not _is_there(folder / python, Path.is_file):
            yield problem_at((*key, "python"), f"there is no file {(folder / python).absolute()}", RELATIVE, text)
    locustfile = _at(raw, ("load", "locustfile"))
    if isinstance(locustfile, str) and not _is_there(folder / locustfile, Path.is_file):
        yield problem_at(("load", "locustfile"), f"there is no file {(folder / locustfile).absolute()}", RELATIVE, text)
    data = raw.get("data")
    for name in data if isinstance(data, dict) else ():
        file = _at(raw, ("data", name, "file"))
        if isinstance(file, str) and not _is_there(folder / file, Path.is_file):
            yield problem_at(("data", name), f"there is no file {(folder / file).absolute()}", RELATIVE, text)


def _is_there(path: Path, is_kind: Callable[[Path], bool]) -> bool:
    try:
        return is_kind(path)
    except OSError:  # the name is too long, or a folder is not accessible
        return False


def _at(value: Any, key: Key) -> Any:
    """Return the value at a key of nested tables and lists; None if there is none."""
    for part in key:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value
