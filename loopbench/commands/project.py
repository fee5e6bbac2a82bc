"""A project's own defaults: LOOPBENCH_* variables, and `[tool.loopbench]` from the current folder upwards."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from loopbench.errors import UsageError
from loopbench.upwards import upwards

KEYS: Final = ("results", "scenario", "python")


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


def project_setting(key: str, environ: Mapping[str, str] = os.environ) -> Setting:
    """Return a path of the project, relative to the current folder, and what gives it."""
    variable = f"LOOPBENCH_{key.upper()}"
    if value := environ.get(variable):
        return Setting(key, value, Source.VARIABLE, variable)
    for folder in upwards(Path.cwd()):
        table = _table(folder / "pyproject.toml")
        if table is not None and key in table:
            file = os.path.relpath(folder / "pyproject.toml")
            return Setting(key, os.path.relpath(folder / table[key]), Source.PYPROJECT, file)
        if table is not None:
            break
    return Setting(key, None, Source.DEFAULT)


def _table(file: Path) -> dict[str, str] | None:
    """Return the file's `[tool.loopbench]`; None: there is no such table."""
    if not file.is_file():
        return None
    from loopbench.scenario.toml import MAX_PROJECT_BYTES, read_toml

    try:
        tools = read_toml(file, MAX_PROJECT_BYTES)[1].get("tool", {})
        table: dict[str, str] | None = dict(tools["loopbench"]) if "loopbench" in tools else None
    except UsageError as problem:
        raise _refused(file, problem.what) from None
    except (TypeError, ValueError) as problem:  # a `loopbench` that is no table
        raise _refused(file, str(problem)) from None
    for key, value in (table or {}).items():
        if key not in KEYS or not isinstance(value, str):
            raise _refused(file, f"it does not take {key} = {value!r}")
    return table


def _refused(file: Path, problem: str) -> UsageError:
    what = f"[tool.loopbench] cannot be used: {problem}"
    return UsageError(what, slug="project", where=str(file), allowed=f"{', '.join(KEYS)}: each a path")
