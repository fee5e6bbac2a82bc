"""The pytest plugin: a session that is valid is returned, and a gate that is not met fails the test."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from loopbench import pytest as plugin
from loopbench.errors import LoopbenchError, RegressionError
from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import judge_session
from loopbench.measure.events import SessionEnded
from loopbench.pytest import Measure, loopbench_measure
from loopbench.scenario.gates import Gate

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example"
SCENARIO = ROOT / "scenarios" / "file_write.toml"

__all__ = ["loopbench_measure"]


@pytest.fixture(autouse=True)
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example session instead of a measurement."""
    monkeypatch.setattr(plugin, "begin_session", lambda *_: SessionEnded(EXAMPLE, 12, 12, None, None))


def test_a_valid_session_is_returned(loopbench_measure: Measure) -> None:
    assert loopbench_measure(SCENARIO).folder == EXAMPLE


def test_a_gate_that_is_not_met_fails_the_test(loopbench_measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = GateAnswer(Gate(figure="goodput", at_least=900), "def", Outcome.NOT_MET, "goodput of def")
    monkeypatch.setattr(plugin, "judge_session", lambda folder: replace(judge_session(folder), gates=(gate,)))
    with pytest.raises(RegressionError, match="NOT MET: goodput of def"):
        loopbench_measure(SCENARIO)


def test_an_error_is_reported_without_local_values_controls_and_commands(tmp_path: Path) -> None:
    """`--showlocals` prints the local variables of a failed test, and a scenario among them has tokens."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["loopbench.pytest"]\n')
    (tmp_path / "test_speed.py").write_text(
        "from loopbench.errors import RegressionError\n\n\n"
        "def test_speed():\n"
        "    scenario = 'a-canary-token'\n"
        "    raise RegressionError('\\x1b[31m ##[error]no', slug='gate')\n"
    )
    options = ("-p", "no:cacheprovider", "--showlocals", "-vv", "--color=no")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_speed.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "error[gate]: \\x1b[31m \\u0023#[error]no\n" in ended.stdout
    assert "a-canary-token" not in ended.stdout
    assert "\x1b" not in ended.stdout


def test_a_bug_is_reported_as_run_reports_it(
    loopbench_measure: Measure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def wrong(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(plugin, "begin_session", wrong)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(LoopbenchError, match="a bug in loopbench: KeyError") as caught:
        loopbench_measure(SCENARIO)
    assert Path(caught.value.where).is_file()
