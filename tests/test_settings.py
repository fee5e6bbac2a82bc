"""`loopbench config`: every setting with its value, and what gave it; and the precedence of what gives it."""

import json
from pathlib import Path
from typing import Any

import pytest

from loopbench.commands import measuring
from loopbench.errors import ExitCode, UsageError
from loopbench.scenario import load
from tests.first_scenario.calling import call

SCENARIO = """
title = "t"
[target]
app = "main:app"
[load]
users = 30
hold_s = 20
[[variants]]
name = "a"
path = "/"
params = { n = 1, api_key = "a-canary" }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that names its scenario and its results, and says nothing of its Python."""
    for name in ("LOOPBENCH_RESULTS", "LOOPBENCH_SCENARIO", "LOOPBENCH_PYTHON", "LOOPBENCH_LOCK_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").write_text('[tool.loopbench]\nscenario = "a.toml"\nresults = "r"\n')
    (tmp_path / "a.toml").write_text(SCENARIO)
    return tmp_path


def settings(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> dict[str, tuple[Any, str, str]]:
    """Call `loopbench config --json`; value, source and place of each setting."""
    done = call(capsys, folder, "config", "--json", *options)
    assert (done.code, done.err) == (ExitCode.OK, "")
    return {each["key"]: (each["value"], each["source"], each["where"]) for each in json.loads(done.out)}


def test_each_source_wins_over_those_below_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings(capsys, project)["results"] == ("r", "pyproject", "pyproject.toml")
    monkeypatch.setenv("LOOPBENCH_RESULTS", "elsewhere")
    assert settings(capsys, project)["results"] == ("elsewhere", "variable", "LOOPBENCH_RESULTS")
    assert "there is no session in elsewhere yet" in call(capsys, project, "report").err
    assert settings(capsys, project, "--out", "here")["results"] == ("here", "command line", "--out")
    (project / "pyproject.toml").write_text("")
    monkeypatch.delenv("LOOPBENCH_RESULTS")
    assert settings(capsys, project)["results"] == ("results", "default", "")


def test_each_key_of_the_scenario_has_the_value_that_a_run_uses_and_its_source(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = settings(capsys, project, "--quick", "--set", "load.users=50", "--set", "variants.params.n=2")
    assert made["load.users"] == (50, "command line", "--set load.users")
    assert made["load.hold_s"] == (5.0, "command line", "--quick")
    assert made["variants[0].params.n"] == (2, "command line", "--set variants.params.n")
    assert made["target.app"] == ("main:app", "scenario", "a.toml")
    assert made["load.mode"] == ("closed", "default", "")
    used = load(project / "a.toml", ("load.users=50", "variants.params.n=2"), quick=True).settings
    assert {key: json.dumps(made[key][0]) for key in used} == used


def test_no_secret_is_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ((), ("--json",), ("--set", "variants.params.api_key='a-canary-2'")):
        done = call(capsys, project, "config", *options)
        assert "api_key" in done.out
        assert "a-canary" not in done.out + done.err


def test_as_text_it_is_a_line_for_each_setting(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = call(capsys, project, "config").out.splitlines()
    assert lines[:2] == [
        'results = "r"  (pyproject: pyproject.toml)',
        'scenario = "a.toml"  (pyproject: pyproject.toml)',
    ]
    assert "load.users = 30  (scenario: a.toml)" in lines
    assert "target.url = -  (default)" in lines
    assert len(lines) == len(settings(capsys, project))


def test_without_a_scenario_it_prints_the_settings_of_the_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPBENCH_LOCK_FILE", "/x/lock")
    made = settings(capsys, tmp_path)
    assert list(made) == ["results", "scenario", "python", "max_minutes", "lock_file"]
    assert made["lock_file"] == ("/x/lock", "variable", "LOOPBENCH_LOCK_FILE")


def test_the_project_says_how_long_a_measurement_may_take(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write("max_minutes = 3\n")
    assert settings(capsys, project)["max_minutes"] == (3, "pyproject", "pyproject.toml")

    def begin_session(*given: Any) -> None:
        raise UsageError(f"it has {given[3].max_minutes} minutes", slug="stop")

    monkeypatch.setattr(measuring, "begin_session", begin_session)
    assert "it has 3.0 minutes" in call(capsys, project, "run").err
    assert settings(capsys, project, "--max-minutes", "5")["max_minutes"] == (5.0, "command line", "--max-minutes")
    monkeypatch.setenv("LOOPBENCH_MAX_MINUTES", "soon")
    assert "LOOPBENCH_MAX_MINUTES is no number of minutes: 'soon'" in call(capsys, project, "run").err


def test_a_variable_names_the_scenario(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "b.toml").write_text(SCENARIO.replace("users = 30", "users = 7"))
    monkeypatch.setenv("LOOPBENCH_SCENARIO", "b.toml")
    assert settings(capsys, project)["load.users"] == (7, "scenario", "b.toml")
    assert "of up to 7 users" in call(capsys, project, "plan").out
