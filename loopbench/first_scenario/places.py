"""Where an app is, by the same rules as `fastapi dev`; and which Python it runs in. Looks at files, imports nothing."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.errors import UsageError

USUAL_FILES: Final = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
"""In the order in which FastAPI's own command line tries them."""

USUAL_PYTHONS: Final = (".venv/bin/python", "venv/bin/python")
NAMED: Final = "loopbench init --app main:app"


@dataclass(frozen=True)
class AppPlace:
    """What to import, and from where."""

    module: str
    attribute: str
    """Empty: not known yet; the first FastAPI object of the module, `app` and `api` before others."""
    folder: Path
    """What uvicorn is given as `--app-dir`."""


def find_app(project: Path, given: str | None = None) -> AppPlace:
    """The app of a project: as it is named, as `pyproject.toml` names it, or in the first of the usual files.

    Args:
        project: the folder that would be the current one for `fastapi dev`.
        given: `module:attribute`, a module alone, or the path of a file.

    Raises:
        UsageError: there is none, or what names it is malformed.
    """
    if given is not None:
        return _named(project, given, "--app")
    entrypoint = _entrypoint(project / "pyproject.toml")
    if entrypoint is not None:
        return _named(project, entrypoint, "[tool.fastapi] entrypoint")
    for name in USUAL_FILES:
        if (project / name).is_file():
            return _in_file(project / name)
    raise UsageError(
        f"there is no app in {project}",
        slug="app-missing",
        where=str(project),
        allowed=f"[tool.fastapi] entrypoint in pyproject.toml, or one of {', '.join(USUAL_FILES)}",
        hints=(NAMED,),
    )


def find_python(project: Path, given: Path | None = None) -> Path:
    """The interpreter the app runs in: the one named, the project's virtual environment, or the one that runs us.

    Not resolved: in a virtual environment the path of the link is what makes it that environment.

    Raises:
        UsageError: the one that is named is not there.
    """
    if given is not None:
        python = given.expanduser()
        if not python.is_file():
            raise UsageError(
                f"there is no Python {python}", slug="python-missing", where=str(python), allowed="a path to a python"
            )
        return python.absolute()
    return next((project / name for name in USUAL_PYTHONS if (project / name).is_file()), Path(sys.executable))


def _entrypoint(file: Path) -> str | None:
    """Returns `[tool.fastapi] entrypoint`; None: it is not set."""
    if not file.is_file():
        return None
    try:
        tables: Any = tomllib.loads(file.read_text(encoding="utf-8"))
        for key in ("tool", "fastapi", "entrypoint"):
            tables = tables.get(key, {}) if isinstance(tables, dict) else {}
    except (ValueError, RecursionError, OSError) as problem:
        raise UsageError(
            f"pyproject.toml cannot be read: {problem}", slug="pyproject", where=str(file), hints=(NAMED,)
        ) from None
    return tables if isinstance(tables, str) and tables else None


def _named(project: Path, name: str, by: str) -> AppPlace:
    if name.endswith(".py") and ":" not in name:
        if not (project / name).is_file():
            raise UsageError(f"there is no file {project / name}", slug="app-missing", where=by, hints=(NAMED,))
        return _in_file(project / name)
    module, _, attribute = name.partition(":")
    parts = [*module.split("."), *(attribute.split(".") if attribute else [])]
    if not all(part.isidentifier() for part in parts):
        raise UsageError(
            f"{by} = {name!r} names no app", slug="app-name", where=by, allowed="module:attribute", hints=(NAMED,)
        )
    return AppPlace(module, attribute, project)


def _in_file(file: Path) -> AppPlace:
    """Folders that hold an `__init__.py` are packages: the module's name begins at the outermost of them."""
    path = file.resolve()
    names, folder = ([] if path.stem == "__init__" else [path.stem]), path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    if not all(name.isidentifier() for name in names):
        what = f"{file} cannot be imported: {'.'.join(names)!r} is no module's name"
        raise UsageError(what, slug="app-name", where=str(file), hints=(NAMED,))
    return AppPlace(".".join(names), "", folder)
