"""A project's own defaults: LOOPBENCH_* variables, and `[tool.loopbench]` from the current folder upwards."""

import math
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from loopbench.errors import UsageError
from loopbench.upwards import upwards

PATHS: Final = ("results", "scenario", "python")
BUDGET: Final = "max_minutes"  # of `run`


class Source(StrEnum):
    """What gives a setting its value; the first of them that has one."""

    COMMAND_LINE = "command line"
    VARIABLE = "variable"
    SCENARIO = "scenario"
    PYPROJECT = "pyproject"
    DEFAULT = "default"


class Setting(NamedTuple):
    """A setting, and where its value comes from."""

    key: str
    value: Any  # None: not set
    source: Source
    where: str = ""  # the option, the variable or the file


def project_path(key: str) -> Path | None:
    """Return the path that a variable or the nearest `[tool.loopbench]` gives; None: not set.

    Raises:
        UsageError: the file is not TOML, or the table has an unknown key or a value that is no text.
    """
    found = project_setting(key)
    return None if found.value is None else Path(found.value)


def project_minutes() -> float | None:
    """Return how long a measurement may take; None: not set.

    Raises:
        UsageError: as `project_path`, or the variable holds no number.
    """
    found = project_setting(BUDGET)
    if found.value is None:
        return None
    try:
        minutes = float(found.value)
    except ValueError:
        minutes = math.nan
    if not _is_budget(minutes):
        what = f"{found.where} is no number of minutes: {found.value!r}"
        raise UsageError(what, slug="project", where=found.where, allowed="a number, such as 10")
    return minutes


def project_setting(key: str, environ: Mapping[str, str] = os.environ) -> Setting:
    """Return a setting of the project, a path relative to the current folder, and what gives it."""
    variable = f"LOOPBENCH_{key.upper()}"
    if value := environ.get(variable):
        return Setting(key, value, Source.VARIABLE, variable)
    for folder in upwards(Path.cwd()):
        table = _table(folder / "pyproject.toml")
        if table is not None and key in table:
            file = os.path.relpath(folder / "pyproject.toml")
            value = os.path.relpath(folder / table[key]) if key in PATHS else table[key]
            return Setting(key, value, Source.PYPROJECT, file)
        if table is not None:
            break
    return Setting(key, None, Source.DEFAULT)


def _table(file: Path) -> dict[str, Any] | None:
    """Return the file's `[tool.loopbench]`; None: there is no such table."""
    if not file.is_file():
        return None
    from loopbench.scenario.toml import MAX_PROJECT_BYTES, read_toml

    try:
        tools = read_toml(file, MAX_PROJECT_BYTES)[1].get("tool", {})
        table: dict[str, Any] | None = dict(tools["loopbench"]) if "loopbench" in tools else None
    except UsageError as problem:
        raise _refused(file, problem.what) from None
    except (TypeError, ValueError) as problem:  # a `loopbench` that is no table
        raise _refused(file, str(problem)) from None
    for key, value in (table or {}).items():
        if not (isinstance(value, str) if key in PATHS else key == BUDGET and _is_budget(value)):
            raise _refused(file, f"it does not take {key} = {value!r}")
    return table


def _is_budget(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _refused(file: Path, problem: str) -> UsageError:
    what = f"[tool.loopbench] cannot be used: {problem}"
    allowed = f"{', '.join(PATHS)}: each a path; {BUDGET}: a number"
    return UsageError(what, slug="project", where=str(file), allowed=allowed)
