"""Where an app is, by the rules of `fastapi dev` and a few more; and which Python it runs in. Imports nothing of it."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopbench.errors import UsageError
from loopbench.measure.programs import output_of
from loopbench.scenario.toml import MAX_PROJECT_BYTES, read_toml
from loopbench.upwards import upwards

USUAL_FILES: Final = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
"""In the order in which FastAPI's own command line tries them."""

USUAL_NAMES: Final = ("main.py", "app.py", "api.py", "asgi.py", "server.py")
"""Of all files of the project that make an app, these are tried first."""

MAX_LOOKED_AT: Final = 2000  # Python files; also folders: a project has fewer, and a home folder has no end
NOT_THE_APPS: Final = ("node_modules", "site-packages", "tests", "test", "docs", "examples")

NAMES_AN_APP: Final = re.compile(r"\b(app|api|FastAPI|Starlette|uvicorn)\b")
MAKES_AN_APP: Final = re.compile(r"\b(FastAPI|Starlette)\(|\buvicorn\.run\(")

USUAL_PYTHONS: Final = (".venv/bin/python", "venv/bin/python")
CREATES_AN_APP: Final = re.compile(r"\b(FastAPI|Starlette)\(")
MAX_NAMED: Final = 5  # of several apps, in an error

NAMED: Final = "loopbench init --app main:app"
POETRY_S: Final = 20.0
MAX_SOURCE_BYTES: Final = 16_000_000


@dataclass(frozen=True)
class AppPlace:
    """What to import, and from where."""

    module: str
    attribute: str  # empty: not known yet; the first FastAPI object of the module, `app` and `api` before others
    folder: Path  # what uvicorn is given as `--app-dir`

    @property
    def cwd(self) -> str:
        """Folder that it runs in, from there: apps in `src` run in the folder above, where their `.env` is."""
        return ".." if self.folder.name == "src" else "."


@dataclass(frozen=True)
class FoundPython:
    """The interpreter of an app, and why it was chosen."""

    path: Path
    why: str


def find_app(project: Path, given: str | None = None) -> AppPlace:
    """The app of a project: as it is named, as `pyproject.toml` names it, or in the first of the usual files.

    Raises:
        UsageError: there is none, or what names it is malformed.
    """
    if given is not None:
        return _named(project, given, "--app")
    entrypoint = _entrypoint(project / "pyproject.toml")
    if entrypoint is not None:
        return _named(project, entrypoint, "[tool.fastapi] entrypoint")
    first = None
    for file in _files(project):
        if NAMES_AN_APP.search(_text(file)):
            return _run_by(file, project) or _in_file(file, project)
        first = first or file
    if first is not None:
        return _in_file(first, project)
    raise UsageError(
        f"there is no app in {project}",
        slug="app-missing",
        where=str(project),
        allowed=f"[tool.fastapi] entrypoint in pyproject.toml, {', '.join(USUAL_FILES)}, or a file with FastAPI()",
        hints=(NAMED,),
    )


def check_one_app(project: Path) -> None:
    """Check that `pyproject.toml`, a usual file or a usual name decides which app is meant.

    Raises:
        UsageError: several files make an app, and nothing decides.
    """
    usual = [root / name for root in (project, project / "src") for name in USUAL_FILES]
    if _entrypoint(project / "pyproject.toml") is not None or any(NAMES_AN_APP.search(_text(file)) for file in usual):
        return
    making = [file for file in _files(project) if CREATES_AN_APP.search(_text(file))]
    best = [file for file in making if file.name in USUAL_NAMES] or making
    if len(best) < 2:
        return
    names = [str(file.relative_to(project)) for file in best[:MAX_NAMED]]
    raise UsageError(
        f"{len(best)} files of {project} make an app: which one is meant?",
        slug="app-several",
        where=str(project),
        allowed=", ".join(names),
        hints=tuple(shlex.join(["loopbench", "init", "--app", name]) + " && loopbench run --quick" for name in names),
    )


def _files(project: Path) -> Iterator[Path]:
    """Yield the usual files that exist, then all that make an app: usual names, `src` and upper folders first."""
    for root in (project, project / "src"):
        yield from (root / name for name in USUAL_FILES if (root / name).is_file())
    making = (path.relative_to(project) for path in _sources(project) if MAKES_AN_APP.search(_text(path)))
    ordered = sorted(making, key=lambda it: (it.name not in USUAL_NAMES, it.parts[0] != "src", len(it.parts), it))
    yield from (project / path for path in ordered)


def _sources(project: Path) -> Iterator[Path]:
    """Yield the Python files of a project, those of upper folders first; none of an environment or hidden folder."""
    folders, looked_at = deque([project]), 0
    while folders and looked_at < MAX_LOOKED_AT:
        inside = _inside(folders.popleft())
        files = [Path(each) for each in inside if each.name.endswith(".py") and each.is_file(follow_symlinks=False)]
        yield from files
        folders.extend(Path(each) for each in inside if _may_hold_the_app(each))
        looked_at += 1 + len(files)


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    """Returns what is in a folder; nothing of a virtual environment, and of a folder that may not be read."""
    try:
        with os.scandir(folder) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
    return [] if any(entry.name == "pyvenv.cfg" for entry in inside) else inside


def _may_hold_the_app(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and entry.name not in NOT_THE_APPS and not entry.name.startswith(".")


def _text(file: Path) -> str:
    """Return a file's text; empty where it is no regular file, is too large for a module, or is no text."""
    try:
        if not file.is_file() or file.stat().st_size > MAX_SOURCE_BYTES:
            return ""
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _run_by(file: Path, project: Path) -> AppPlace | None:
    """Returns the app that a file passes to `uvicorn.run` by its name; None: it names none that exists."""
    for name in _names_run(_text(file)):
        module, _, attribute = name.partition(":")
        stem = Path(*module.split("."))
        for folder in (_in_file(file, project).folder, project):
            if (folder / stem.with_suffix(".py")).is_file() or (folder / stem / "__init__.py").is_file():
                return AppPlace(module, attribute, folder)
    return None


def _names_run(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: it nests too deeply
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="uvicorn"), attr="run"), args=[ast.Constant(value=str(name)), *_]
            ):
                yield name


def find_python(folder: Path, given: Path | None = None, environ: Mapping[str, str] = os.environ) -> FoundPython:
    """The interpreter that an app runs in.

    It is the given one, that of the active environment, of the nearest `.venv` or `venv` in the app's folder or a
    parent, of poetry, or loopbench's own. Links are not resolved: the path of the link is what makes an interpreter
    that of its virtual environment.

    Raises:
        UsageError: the given one does not exist.
    """
    if given is not None:
        python = given.expanduser()
        if not python.is_file():
            raise UsageError(
                f"there is no Python {python}", slug="python-missing", where=str(python), allowed="a path to a python"
            )
        return FoundPython(python.absolute(), "given by --python or pyproject.toml")
    found = (each for each in _pythons(folder.absolute(), environ) if each.path.is_file() and not _is_ours(each.path))
    own = FoundPython(Path(sys.executable), "loopbench's own: no environment of the app was found")
    return next(found, own)


def _pythons(folder: Path, environ: Mapping[str, str]) -> Iterator[FoundPython]:
    if active := environ.get("VIRTUAL_ENV"):
        yield FoundPython(Path(active, "bin", "python"), "VIRTUAL_ENV is set")
    for parent in upwards(folder):
        yield from (FoundPython(parent / name, "the nearest environment") for name in USUAL_PYTHONS)
    for parent in upwards(folder):
        if (parent / "poetry.lock").is_file() and shutil.which("poetry"):
            yield FoundPython(_poetry_environment(parent) / "bin" / "python", "poetry's environment")


def _is_ours(python: Path) -> bool:
    return python.parent.parent.absolute() == Path(sys.prefix).absolute()


def _poetry_environment(folder: Path) -> Path:
    """Returns the folder that poetry reports; one without a Python if it reports none."""
    try:
        return Path(output_of(("poetry", "env", "info", "--path"), timeout_s=POETRY_S, cwd=folder).strip())
    except (OSError, subprocess.SubprocessError):
        return folder / ".no-environment"


def _entrypoint(file: Path) -> str | None:
    """Returns `[tool.fastapi] entrypoint`; None: it is not set."""
    if not file.is_file():
        return None
    try:
        tables: Any = read_toml(file, MAX_PROJECT_BYTES)[1]
    except UsageError as problem:
        raise UsageError(
            f"pyproject.toml cannot be read: {problem.what}", slug="pyproject", where=str(file), hints=(NAMED,)
        ) from None
    for key in ("tool", "fastapi", "entrypoint"):
        tables = tables.get(key, {}) if isinstance(tables, dict) else {}
    return tables if isinstance(tables, str) and tables else None


def _named(project: Path, name: str, by: str) -> AppPlace:
    if name.endswith(".py") and ":" not in name:
        if not (project / name).is_file():
            raise UsageError(f"there is no file {project / name}", slug="app-missing", where=by, hints=(NAMED,))
        return _in_file(project / name, project)
    module, _, attribute = name.partition(":")
    parts = [*module.split("."), *(attribute.split(".") if attribute else [])]
    if not all(part.isidentifier() for part in parts):
        raise UsageError(
            f"{by} = {name!r} names no app", slug="app-name", where=by, allowed="module:attribute", hints=(NAMED,)
        )
    return AppPlace(module, attribute, _importable_from(project, parts[0]))


def _importable_from(project: Path, name: str) -> Path:
    """Returns `src` if the package is there and not in the project's own folder."""
    own, below = ((root / name, root / f"{name}.py") for root in (project, project / "src"))
    in_src = any(path.exists() for path in below) and not any(path.exists() for path in own)
    return project / "src" if in_src else project


def _in_file(file: Path, project: Path) -> AppPlace:
    """Folders that hold an `__init__.py` are packages: the module's name begins at the outermost of them.

    Below a `src` of the project it begins there. Above the project, as in `~/src/shop`, such a folder means nothing.
    """
    path, root = file.resolve(), project.resolve()
    names, folder = ([] if path.stem == "__init__" else [path.stem]), path.parent
    sources = [each for each in folder.parents if each.name == "src" and each.is_relative_to(root)]
    while (folder / "__init__.py").is_file() or any(each in sources for each in folder.parents):
        names.insert(0, folder.name)
        folder = folder.parent
    if not all(name.isidentifier() for name in names):
        what = f"{file} cannot be imported: {'.'.join(names)!r} is no module's name"
        raise UsageError(what, slug="app-name", where=str(file), hints=(NAMED,))
    return AppPlace(".".join(names), "", folder)
