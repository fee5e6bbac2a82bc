"""`[tool.loopbench]` in pyproject.toml: a project's own defaults, found from the current folder upwards."""

import os
from pathlib import Path
from typing import Final

from loopbench.errors import UsageError
from loopbench.upwards import upwards

KEYS: Final = ("results", "scenario", "python")


def project_path(key: str) -> Path | None:
    """Return a path of the nearest `[tool.loopbench]`, relative to the current folder; None: not set.

    Raises:
        UsageError: the file is not TOML, or the table has an unknown key or a value that is no text.
    """
    for folder in upwards(Path.cwd()):
        table = _table(folder / "pyproject.toml")
        if table is not None:
            return Path(os.path.relpath(folder / table[key])) if key in table else None
    return None


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
