"""`[tool.loopbench]` in pyproject.toml: a project's own defaults."""

from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from tests.first_scenario.calling import call

SCENARIO = 'title = "t"\nquestion = "q"\ntarget = { app = "main:app" }\n[[variants]]\nname = "a"\npath = "/"\n'


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A folder inside a project that names its scenario and its results."""
    table = '[tool.loopbench]\nscenario = "bench/a.toml"\nresults = "bench/results"\n'
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "a.toml").write_text(SCENARIO)
    folder = tmp_path / "src" / "shop"
    folder.mkdir(parents=True)
    (tmp_path / "src" / "pyproject.toml").write_text('[project]\nname = "another"\n')
    return folder


def test_the_scenario_is_found_from_a_folder_below(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "of up to 100 users" in call(capsys, below, "plan").out


def test_a_scenario_in_a_folder_above_is_named_in_the_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / "src").mkdir()
    done = call(capsys, tmp_path / "src", "plan")
    assert done.code == ExitCode.USAGE
    assert "  try: name ../scenario.toml as the SCENARIO\n" in done.err


def test_results_are_searched_in_the_project_s_folder(below: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, below, "report")
    assert done.code == ExitCode.DATA
    assert "there is no session in ../../bench/results yet" in done.err


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("result = 'x'", "it does not take result = 'x'"),
        ("results = 3", "it does not take results = 3"),
        ("max_minutes = 'ten'", "it does not take max_minutes = 'ten'"),
        ("results =", "Invalid value"),
        (f"x = {5_000 * chr(91)}", "too deeply"),
        ("#" * 2_000_000, "larger than 1024 KiB"),
        (f"{10_000 * 'a.'}a = 1", "a key of more than"),
    ],
    ids=lambda text: text[:20],
)
def test_a_mistake_in_the_table_is_named(
    table: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.loopbench]\n{table}\n")
    done = call(capsys, tmp_path, "plan")
    assert done.code == ExitCode.USAGE
    assert problem in done.err


def test_without_a_table_the_current_folder_is_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no session in results yet" in call(capsys, tmp_path, "report").err
