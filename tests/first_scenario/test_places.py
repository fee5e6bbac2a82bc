"""Where an app is found: the rules of `fastapi dev`."""

import sys
from pathlib import Path

import pytest

from loopbench.errors import UsageError
from loopbench.first_scenario.places import USUAL_FILES, AppPlace, find_app, find_python


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


def test_the_project_s_own_environment_is_taken_before_ours(tmp_path: Path) -> None:
    assert find_python(tmp_path) == Path(sys.executable)
    make(tmp_path, "venv/bin/python")
    assert find_python(tmp_path) == tmp_path / "venv/bin/python"
    make(tmp_path, ".venv/bin/python")
    assert find_python(tmp_path) == tmp_path / ".venv/bin/python"


def test_the_path_of_an_interpreter_is_not_resolved(tmp_path: Path) -> None:
    """In a virtual environment it is a link, and following it leads out of the environment."""
    (tmp_path / "python").symlink_to(sys.executable)
    assert find_python(tmp_path, tmp_path / "python") == tmp_path / "python"


def test_an_interpreter_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no Python"):
        find_python(tmp_path, tmp_path / "python")
