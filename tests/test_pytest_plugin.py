"""The pytest plugin: tests that measure run only when asked to, and a gate that is not met fails the test."""

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


SESSION_INSTEAD = f"""
import pytest
from pathlib import Path
from loopbench import pytest as plugin
from loopbench.measure.events import SessionEnded

pytest_plugins = ["loopbench.pytest"]

def begin(scenario, *_):
    print("measured", scenario.title)
    return SessionEnded(Path({str(EXAMPLE)!r}), 12, 12, None, None)

plugin.begin_session = begin
"""
"""A project's conftest with the plugin, where the example session stands in for a measurement."""

MARKED = f"""
import pytest

@pytest.mark.loopbench({str(SCENARIO)!r}, "load.users=3")
def test_speed(loopbench_session):
    assert list(loopbench_session.variants["variant"])[0] == "def"

@pytest.mark.loopbench({str(SCENARIO)!r})
def test_gates_alone():
    pass

def test_by_hand(loopbench_measure):
    loopbench_measure({str(SCENARIO)!r})
"""


def pytest_in(folder: Path, *options: str) -> str:
    """Return what pytest prints in a folder."""
    command = [sys.executable, "-m", "pytest", *options, "test_speed.py"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with tests that measure."""
    (tmp_path / "conftest.py").write_text(SESSION_INSTEAD)
    (tmp_path / "test_speed.py").write_text(MARKED)
    return tmp_path


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
    said = pytest_in(tmp_path, *options)
    assert "error[gate]: \\x1b[31m \\u0023#[error]no\n" in said
    assert "a-canary-token" not in said
    assert "\x1b" not in said


def test_what_ends_a_measurement_from_outside_is_reported_without_local_values(project: Path) -> None:
    """The signal of pytest-timeout raises what is no Exception."""
    ending = "\ndef begin(scenario, *_):\n    secret = 'a-canary-token'\n    pytest.fail('over its time')\n"
    with (project / "conftest.py").open("a") as conftest:
        conftest.write(f"{ending}\nplugin.begin_session = begin\n")
    said = pytest_in(project, "--loopbench", "-p", "no:cacheprovider", "--showlocals", "--color=no")
    assert "over its time" in said
    assert "a-canary-token" not in said
    assert "question" not in said


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


def test_tests_that_measure_are_skipped_with_the_reason(project: Path) -> None:
    said = pytest_in(project, "-rs", "-s", "--strict-markers")
    assert "3 skipped" in said
    assert "it measures, which takes minutes: --loopbench runs it" in said
    assert "measured" not in said


def test_a_marked_test_measures_its_scenario_and_gets_its_session(project: Path) -> None:
    said = pytest_in(project, "--loopbench", "-s", "--strict-markers")
    assert "3 passed" in said
    assert said.count("measured Writing") == 3


def test_measuring_under_xdist_is_refused(project: Path) -> None:
    said = pytest_in(project, "--loopbench", "-s", "-n", "2")
    assert "ERROR: --loopbench measures one scenario at a time" in said
    assert "passed" not in said


def test_a_session_without_a_scenario_is_a_failure_that_says_so(project: Path) -> None:
    (project / "test_speed.py").write_text("def test_speed(loopbench_session):\n    pass\n")
    assert 'this test needs a scenario: @pytest.mark.loopbench("scenario.toml")' in pytest_in(project, "--loopbench")
