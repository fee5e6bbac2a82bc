"""`loopbench map`: which cells it measures, what it writes, and what it refuses. Measuring is replaced."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.commands import series
from loopbench.errors import ExitCode
from loopbench.judge.session import session_report
from loopbench.measure.events import SessionEnded
from loopbench.scenario import Scenario
from tests.first_scenario.calling import Called, call
from tests.plots.causes import repeated
from tests.plots.reports import FOUR, session

SCENARIO = """
title = "Two"
[target]
app = "main:app"
[[variants]]
name = "def"
path = "/a"
[[variants]]
name = "blocking async def"
path = "/b"
"""
AXES = ("--x", "variants.params.wait_s=[0, 0.1]", "--y", "load.users=[10, 20]")


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Scenario]:
    """The scenarios that were measured; each session is a made-up one."""
    (tmp_path / "two.toml").write_text(SCENARIO)
    measured: list[Scenario] = []

    def begin(question: Scenario, _seed: int, out: Path, _options: Any, _notify: Any) -> SessionEnded:
        measured.append(question)
        return SessionEnded(out / f"session-{len(measured)}", 4, 4, None, None)

    monkeypatch.setattr(series, "begin_session", begin)
    monkeypatch.setattr(
        session_report, "judge_session", lambda folder: replace(repeated(session(FOUR[:2])), folder=folder)
    )
    return measured


def run(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> Called:
    return call(capsys, folder, "map", "two.toml", *AXES, *more)


def test_every_pair_of_values_is_one_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[Scenario]
) -> None:
    done = run(capsys, tmp_path, "--rounds", "3")
    assert done.code == ExitCode.OK, done.err
    assert [(each.load.users, each.variants[1].params["wait_s"]) for each in begun] == [
        (10, 0),
        (10, 0.1),
        (20, 0),
        (20, 0.1),
    ]
    assert {each.repeat.max_rounds for each in begun} == {3}


def test_the_picture_and_its_figures_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[Scenario]
) -> None:
    done = run(capsys, tmp_path)
    folder = tmp_path / "results" / "map" / "two"
    assert {path.name for path in folder.iterdir()} == {"map.json", "map.svg", "map.png"}
    cells = json.loads((folder / "map.json").read_text())["cells"]
    assert [each["session"] for each in cells] == [f"session-{n}" for n in range(1, len(begun) + 1)]
    assert "wait_s 0.1, users 20: " in done.out


def test_as_json_stdout_is_map_json_and_the_text_goes_to_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[Scenario]
) -> None:
    done = run(capsys, tmp_path, "--json")
    assert len(begun) == 4
    assert done.out == (tmp_path / "results" / "map" / "two" / "map.json").read_text()
    assert "wait_s 0.1, users 20: " in done.err


def test_cells_for_which_there_is_no_time_are_named_and_the_map_is_no_answer_without_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[Scenario]
) -> None:
    done = run(capsys, tmp_path, "--max-minutes", "0")
    assert begun == []
    assert done.code == ExitCode.CANNOT_TELL
    assert "wait_s 0, users 10: not measured to the end: the time given was up" in done.err
    assert "not one cell was measured" in done.err


@pytest.mark.parametrize("axis", ["load.users", "load.users=", "load.users=5", "load.users=[]", "load.users=[[1]]"])
def test_an_axis_without_values_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[Scenario], axis: str
) -> None:
    done = call(capsys, tmp_path, "map", "two.toml", "--x", axis, "--y", "load.users=[1]")
    assert (done.code, begun) == (ExitCode.USAGE, [])
    assert "is not KEY=[VALUES]" in done.err
