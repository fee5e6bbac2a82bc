"""`loopbench run` in a project without a scenario: one command finds the app, writes scenario.toml and measures."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from loopbench.errors import ExitCode, UsageError
from loopbench.scenario import Scenario
from tests.faults.faults import record_ceiling
from tests.first_scenario.calling import call

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own-app"
APP = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/health")
def health() -> int: return 1
@app.get("/a")
def a() -> int: return 1
@app.get("/b")
async def b() -> int: return 1
"""
SHORT = ("--rounds=0", "--set=load.users=2", "--set=load.spawn_rate=20", "--set=load.hold_s=1", "--no-lock")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an app and an environment: ours, by another path."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """docs/examples/own-app, with our environment by another path."""
    project = Path(shutil.copytree(EXAMPLE, tmp_path / "own-app"))
    (project / ".venv").symlink_to(sys.prefix)
    return project


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Scenario]:
    """The scenarios that would have been measured."""
    scenarios: list[Scenario] = []

    def begin(scenario: Scenario, *_: object) -> None:
        scenarios.append(scenario)
        raise UsageError("stopped here", slug="stopped")

    monkeypatch.setattr("loopbench.commands.measuring.begin_session", begin)
    return scenarios


@pytest.mark.real
def test_one_command_measures_a_project_and_asks_nothing(
    example: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the machine makes of so short a session: the route was served, and its server counts alike."""
    (example / "bench.toml").unlink()
    (example / "pyproject.toml").unlink()
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asks"))
    monkeypatch.setattr("loopbench.session._measure_ceiling", lambda context: record_ceiling(context.folder))
    done = call(capsys, example, "run", "--quick", "--exit-zero", "--json", *SHORT)
    assert done.code == ExitCode.OK, done.err
    summary = json.loads(done.out)
    (stock,) = summary["variants"]
    assert stock["name"] == "/stock"
    assert stock["requests"][0]["hold"]["answers"]
    assert summary["counts_agree"]
    found, wrote, *_ = done.err.splitlines()
    assert found == "found shop.main:app, run by .venv/bin/python (the nearest environment)"
    assert wrote == "wrote scenario.toml: 1 route to measure, /health beside each; 0 left out, each with why"
    assert "1 run of up to 2 users: about 0:" in done.err
    assert (example / "scenario.toml").is_file()


def test_the_scenario_of_the_example_project_is_found_from_its_folder(
    example: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    call(capsys, example, "run")
    assert [each.name for each in asked[0].variants] == ["as written", "in a thread"]


@pytest.mark.parametrize(("options", "is_named"), [((), True), (("--quick",), False)])
def test_the_quick_form_is_named_unless_it_was_asked_for(
    options: tuple[str, ...],
    is_named: bool,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    asked: list[Scenario],
) -> None:
    done = call(capsys, project, "run", *options)
    assert ("\n  a first look, in short runs: loopbench run --quick\n" in done.err) is is_named
    assert [each.name for each in asked[0].variants] == ["/a", "/b"]


def test_quiet_writes_the_scenario_and_says_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    done = call(capsys, project, "run", "--quiet")
    assert (done.out, done.err) == ("", "error[stopped]: stopped here\n")
    assert asked[0].file == Path("scenario.toml")


def test_several_apps_are_listed_with_a_command_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    for name in ("orders", "stock"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.py").write_text(APP)
    done = call(capsys, tmp_path, "run")
    assert (done.code, done.out, asked) == (ExitCode.USAGE, "", [])
    assert "  allowed: orders/web.py, stock/web.py\n" in done.err
    assert "  try: loopbench init --app stock/web.py && loopbench run --quick\n" in done.err
    assert not (tmp_path / "scenario.toml").exists()
    assert call(capsys, tmp_path, "init", "--app", "stock/web.py").code == ExitCode.OK


def test_a_usual_file_decides_between_apps(
    project: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    (project / "admin.py").write_text(APP)
    call(capsys, project, "run")
    assert asked[0].target.app == "main:app"


def test_a_folder_without_an_app_is_an_error_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    done = call(capsys, tmp_path, "run")
    assert (done.code, asked) == (ExitCode.USAGE, [])
    assert "error[scenario-missing]" in done.err


def test_an_entrypoint_that_names_no_file_is_the_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "gone.py"\n')
    done = call(capsys, tmp_path, "run")
    assert (done.code, asked) == (ExitCode.USAGE, [])
    assert "error[app-missing]: there is no file" in done.err


@pytest.mark.parametrize("options", [("nowhere.toml",), ("--resume", "results/x/y")])
def test_nothing_is_written_where_a_scenario_or_a_session_is_named(
    options: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    assert call(capsys, project, "run", *options).code == ExitCode.USAGE
    assert asked == []
    assert not (project / "scenario.toml").exists()


def test_an_own_scenario_stays_as_it_is(
    project: Path, capsys: pytest.CaptureFixture[str], asked: list[Scenario]
) -> None:
    text = 'title = "mine"\ntarget = { app = "main:app" }\n[[variants]]\nname = "b"\npath = "/b"\n'
    (project / "scenario.toml").write_text(text)
    call(capsys, project, "run")
    assert asked[0].title == "mine"
    assert (project / "scenario.toml").read_text() == text
