"""Where measured code comes from: found where possible, reported where not, and never a secret."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure import provenance
from loopbench.measure.interpreter import TARGET_PACKAGES, ask_python
from loopbench.measure.provenance import describe, git_state, server_settings
from loopbench.scenario import load

ROOT = Path(__file__).parents[2]
COMMAND = ["python", "-m", "uvicorn", "a:b", "--port", "80", "--workers", "2", "--header", "X-Run:secret"]
ALL_OPTIONS = [*COMMAND, "--http", "h11", "--no-access-log"]


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607  the user's git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit with one file."""
    git(tmp_path, "init")
    for name in ("app.py", "notes.md"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "remote", "add", "origin", "https://user:password@localhost/x.git")
    return tmp_path


@pytest.mark.real
def test_a_clean_repository_is_told_from_a_changed_one(repository: Path) -> None:
    clean = git_state(repository)
    assert clean["dirty"] is False
    assert len(clean["commit"]) == 40
    (repository / "results.csv").write_text("untracked files are no change of the code")
    assert git_state(repository) == clean
    (repository / "notes.md").write_text("2")
    assert git_state(repository) == clean
    (repository / "app.py").write_text("2")
    assert git_state(repository) == clean | {"dirty": True}


@pytest.mark.real
def test_a_remote_s_password_is_not_recorded(repository: Path) -> None:
    assert "password" not in str(git_state(repository))


@pytest.mark.real
def test_a_folder_in_no_repository_is_said(tmp_path: Path) -> None:
    assert git_state(tmp_path)["commit"].startswith("not observable: the folder is in no git repository")


def test_a_machine_without_git_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "GIT", ("no-such-git",))
    assert git_state(tmp_path) == {"commit": "not observable: git is not installed"}


@pytest.mark.real
def test_an_interpreter_tells_its_packages() -> None:
    answer = ask_python(sys.executable)
    assert answer["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert set(answer["packages"]) == set(TARGET_PACKAGES)
    assert answer["server_defaults"]["backlog"] == 2048


@pytest.mark.real
@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false", "/bin/true"])
def test_an_interpreter_that_does_not_answer_is_said(python: str) -> None:
    assert ask_python(python)["python"]["version"].startswith("not observable")


def test_what_the_command_line_gives_replaces_the_defaults() -> None:
    settings = server_settings(ALL_OPTIONS, {"workers": None, "http": "auto", "backlog": 2048, "access_log": True})
    assert settings == {"workers": "2", "http": "h11", "backlog": 2048, "access_log": False}


def test_no_header_value_gets_in() -> None:
    assert "secret" not in str(server_settings(ALL_OPTIONS, {}))


@pytest.mark.real
def test_a_scenario_is_described_by_what_it_runs_on() -> None:
    described = describe(load(ROOT / "scenarios" / "file_write.toml"))
    assert set(described) == {"git", "pythons", "servers"}
    assert sys.executable in described["pythons"]
    assert all(settings["access_log"] is False for settings in described["servers"].values())
    json.dumps(described, allow_nan=False)


@pytest.mark.real
def test_a_target_served_elsewhere_has_no_interpreter_here(tmp_path: Path) -> None:
    file = tmp_path / "case.toml"
    file.write_text(
        'title = "x"\nquestion = "y"\n[target]\nurl = "http://127.0.0.1:1"\n[[variants]]\nname = "v"\npath = "/v"\n'
    )
    described = describe(load(file))
    assert described["pythons"] == described["servers"] == {}
    assert list(described["git"]) == [str(tmp_path)]
