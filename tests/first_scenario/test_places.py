"""Where an app is found: the rules of `fastapi dev`."""

import contextlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from loopbench.commands.project import project_path
from loopbench.errors import UsageError
from loopbench.first_scenario.places import USUAL_FILES, AppPlace, find_app, find_python
from loopbench.upwards import upwards


def make(folder: Path, *files: str) -> None:
    """Empty files, with the folders they are in."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


@pytest.mark.parametrize(("name", "later"), [(name, USUAL_FILES[at + 1 :]) for at, name in enumerate(USUAL_FILES)])
def test_the_first_of_the_usual_files_is_taken(tmp_path: Path, name: str, later: tuple[str, ...]) -> None:
    make(tmp_path, name, *later)
    found = find_app(tmp_path)
    assert (found.folder / f"{found.module}.py").samefile(tmp_path / name)
    assert found.attribute == ""


def test_folders_with_an_init_file_are_packages_and_the_import_starts_above_them(tmp_path: Path) -> None:
    make(tmp_path, "app/__init__.py", "app/main.py")
    assert find_app(tmp_path) == AppPlace("app.main", "", tmp_path)


def test_a_folder_without_an_init_file_is_where_the_import_starts(tmp_path: Path) -> None:
    make(tmp_path, "app/main.py")
    assert find_app(tmp_path) == AppPlace("main", "", tmp_path / "app")


def test_pyproject_names_the_app_before_any_file_does(tmp_path: Path) -> None:
    make(tmp_path, "main.py")
    (tmp_path / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "backend.web:api"\n')
    assert find_app(tmp_path) == AppPlace("backend.web", "api", tmp_path)


@pytest.mark.parametrize("text", ["", "[tool]\nfastapi = 1\n", "[tool.fastapi]\nother = 1\n"])
def test_a_pyproject_that_names_no_app_leaves_it_to_the_files(tmp_path: Path, text: str) -> None:
    make(tmp_path, "main.py")
    (tmp_path / "pyproject.toml").write_text(text)
    assert find_app(tmp_path).module == "main"


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("main:app", ("main", "app")),
        ("shop.web:make.app", ("shop.web", "make.app")),
        ("shop.web", ("shop.web", "")),
        ("other.py", ("other", "")),
    ],
)
def test_what_is_named_is_taken_before_everything_else(tmp_path: Path, given: str, place: tuple[str, str]) -> None:
    make(tmp_path, "main.py", "other.py")
    assert find_app(tmp_path, given) == AppPlace(*place, tmp_path)


@pytest.mark.parametrize(
    ("files", "given", "slug"),
    [
        ((), None, "app-missing"),
        ((), "other.py", "app-missing"),
        ((), "a b:app", "app-name"),
        ((), "main:", None),
        ((), ":app", "app-name"),
        ((), "../x:app", "app-name"),
        ((), "__import__('os'):x", "app-name"),
        (("my-app.py",), "my-app.py", "app-name"),
    ],
)
def test_what_names_no_app_is_a_usage_error(
    tmp_path: Path, files: tuple[str, ...], given: str | None, slug: str | None
) -> None:
    make(tmp_path, *files)
    if slug is None:
        assert find_app(tmp_path, given).attribute == ""
        return
    with pytest.raises(UsageError) as error:
        find_app(tmp_path, given)
    assert error.value.slug == slug
    assert error.value.hints


def test_a_pyproject_that_is_no_toml_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.fastapi\n")
    with pytest.raises(UsageError, match=r"pyproject\.toml cannot be read"):
        find_app(tmp_path)


def test_a_pyproject_is_not_read_without_end(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("#" * 2_000_000)
    with pytest.raises(UsageError, match="larger than 1024 KiB"):
        find_app(tmp_path)


def test_a_pipe_is_no_app(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    (tmp_path / "shop").mkdir()
    os.mkfifo(tmp_path / "shop" / "main.py")
    with pytest.raises(UsageError, match="there is no app"):
        find_app(tmp_path)


def python_of(folder: Path, **environ: str) -> Path:
    """The interpreter that is found, with these variables."""
    return find_python(folder, environ=environ).path


def test_the_environment_is_the_active_one_or_the_nearest_above_the_app(tmp_path: Path) -> None:
    app = tmp_path / "packages/api"
    app.mkdir(parents=True)
    assert python_of(app) == Path(sys.executable)
    for name in ("venv/bin/python", ".venv/bin/python", "packages/api/venv/bin/python", "active/bin/python"):
        make(tmp_path, name)
        assert python_of(app, VIRTUAL_ENV=str(tmp_path / "active")) == tmp_path / name


def test_our_own_environment_is_not_the_app_s_because_it_is_active(tmp_path: Path) -> None:
    make(tmp_path, ".venv/bin/python")
    assert python_of(tmp_path, VIRTUAL_ENV=sys.prefix) == tmp_path / ".venv/bin/python"


def test_poetry_is_asked_for_the_environment_of_its_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "poetry.lock", "bin/poetry", "elsewhere/bin/python")
    (tmp_path / "bin/poetry").write_text(f"#!/bin/sh\necho {tmp_path}/elsewhere\n")
    (tmp_path / "bin/poetry").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert python_of(tmp_path) == tmp_path / "elsewhere/bin/python"


@pytest.mark.real
def test_nothing_that_poetry_starts_outlives_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "poetry.lock", "bin/poetry", "elsewhere/bin/python")
    (tmp_path / "bin/poetry").write_text(
        f"#!/bin/sh\nsetsid sleep 60 >/dev/null 2>&1 &\necho $! > {tmp_path}/pid\necho {tmp_path}/elsewhere\n"
    )
    (tmp_path / "bin/poetry").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert python_of(tmp_path) == tmp_path / "elsewhere/bin/python"
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int((tmp_path / "pid").read_text())).status() == psutil.STATUS_ZOMBIE


def test_the_path_of_an_interpreter_is_not_resolved(tmp_path: Path) -> None:
    """In a virtual environment it is a link, and following it leads out of the environment."""
    (tmp_path / "python").symlink_to(sys.executable)
    assert find_python(tmp_path, tmp_path / "python").path == tmp_path / "python"


@pytest.mark.parametrize("nested", ["x = " + "-" * 100_000 + "1", "uvicorn" + ".x" * 900 + "('app.app:app')"])
def test_a_main_that_nests_too_deeply_names_no_app(tmp_path: Path, nested: str) -> None:
    """Python's parser raises a MemoryError for the first; the second it accepts."""
    (tmp_path / "main.py").write_text(f"import uvicorn\n{nested}\n")
    assert find_app(tmp_path) == AppPlace("main", "", tmp_path)


@pytest.mark.parametrize("run", ["uvicorn.run('app.app:app')", "uvicorn.run('app.app:app', reload=True)"])
def test_a_main_that_only_runs_uvicorn_names_the_app(tmp_path: Path, run: str) -> None:
    make(tmp_path, "app/app.py")
    (tmp_path / "main.py").write_text(f"import uvicorn\nif __name__ == '__main__':\n    {run}\n")
    assert find_app(tmp_path) == AppPlace("app.app", "app", tmp_path)


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("src/main.py", "main"),
        ("src/shop/main.py", "shop.main"),
        ("src/app/main.py", "app.main"),
        ("src/shop/web/asgi.py", "shop.web.asgi"),
    ],
)
def test_below_src_the_import_starts_there(tmp_path: Path, file: str, module: str) -> None:
    make(tmp_path, file)
    (tmp_path / file).write_text("app = FastAPI()\n")
    place = find_app(tmp_path)
    assert place == AppPlace(module, "", tmp_path / "src")
    assert place.cwd == "..", "where its .env is"


def test_a_main_without_an_app_gives_way_to_a_file_with_one(tmp_path: Path) -> None:
    make(tmp_path, "backend/__init__.py", "main.py")
    (tmp_path / "main.py").write_text("print('hello')\n")
    (tmp_path / "backend/server.py").write_text("app = FastAPI()\n")
    assert find_app(tmp_path) == AppPlace("backend.server", "", tmp_path)


def test_an_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no Python"):
        find_python(tmp_path, tmp_path / "python")


def test_what_other_users_may_have_put_above_a_project_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `/tmp`: neither an environment nor settings are taken from a folder that everybody can write, or above."""
    shared, project = tmp_path / "shared", tmp_path / "shared" / "mine" / "app"
    make(shared, ".venv/bin/python", "mine/app/main.py")
    (shared / "pyproject.toml").write_text('[tool.loopbench]\npython = "evil"\n')
    monkeypatch.chdir(project)
    assert find_python(project, environ={}).path == shared / ".venv/bin/python"
    assert project_path("python") == Path("../../evil")
    shared.chmod(0o1777)
    assert list(upwards(project)) == [project, shared / "mine"]
    assert find_python(project, environ={}).path == Path(sys.executable)
    assert project_path("python") is None


def test_a_folder_of_another_user_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder itself may be anyone's: its user went there."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    monkeypatch.setattr(Path, "stat", lambda path: SimpleNamespace(st_uid=1 + len(path.parts), st_gid=0, st_mode=0o755))
    assert list(upwards(project)) == [project]


@pytest.mark.parametrize(
    ("mode", "group", "found"),
    [
        (0o755, 100, ["a", "b"]),
        (0o775, 1_000, ["a", "b"]),  # the user's own group
        (0o775, 50, ["a", "b"]),  # a group that can write into the project itself
        (0o775, 100, ["a"]),
        (0o777, 1_000, ["a"]),
    ],
)
def test_a_folder_in_which_another_group_can_write_ends_the_search(
    monkeypatch: pytest.MonkeyPatch, mode: int, group: int, found: list[str]
) -> None:
    own = SimpleNamespace(st_uid=0, st_gid=50, st_mode=0o775)
    above = SimpleNamespace(st_uid=0, st_gid=group, st_mode=mode)
    monkeypatch.setattr(os, "getegid", lambda: 1_000)
    monkeypatch.setattr(Path, "stat", lambda path: own if path.name == "a" else above)
    assert [each.name for each in upwards(Path("b/a"))][:2] == found


def test_nothing_is_taken_from_a_folder_like_tmp(tmp_path: Path) -> None:
    """Any user can put a `.venv` there."""
    tmp_path.chmod(0o1777)
    assert list(upwards(tmp_path)) == []


def test_the_folder_src_that_a_project_lies_in_means_nothing(tmp_path: Path) -> None:
    """As in `/usr/src/app` and `~/src/shop`: the files beside `main.py` are imported by their own names."""
    project = tmp_path / "src/shop"
    make(project, "main.py", "routes.py")
    place = find_app(project)
    assert (place, place.cwd) == (AppPlace("main", "", project), ".")


def test_a_module_that_is_named_is_looked_for_in_src_too(tmp_path: Path) -> None:
    make(tmp_path, "src/shop/main.py", "other/main.py", "src/other/main.py")
    assert find_app(tmp_path, "shop.main:app") == AppPlace("shop.main", "app", tmp_path / "src")
    assert find_app(tmp_path, "other.main:app").folder == tmp_path


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (("shop/__init__.py",), "shop"),
        (("shop/__init__.py", "shop/core/service.py", "shop/core/__init__.py"), "shop"),
        (("shop/factory.py", "web/core/main.py"), "main"),
        (
            ("packages/api/src/api/web.py", "tests/main.py", ".hidden/main.py", "env/pyvenv.cfg", "env/main.py"),
            "api.web",
        ),
    ],
)
def test_a_file_that_makes_an_app_is_found_wherever_it_is(tmp_path: Path, files: tuple[str, ...], module: str) -> None:
    """A usual name first, then the upper folder; nothing in tests, hidden folders and environments."""
    for file in files:
        make(tmp_path, file)
        (tmp_path / file).write_text("app = FastAPI()\n")
    assert find_app(tmp_path).module == module


def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that of a database, which belongs to another user."""
    make(tmp_path, "data/main.py", "web/asgi.py")
    (tmp_path / "web/asgi.py").write_text("app = FastAPI()\n")
    scandir = os.scandir

    def refused(folder: Path) -> Any:
        if folder.name == "data":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refused)
    assert find_app(tmp_path).module == "asgi"
