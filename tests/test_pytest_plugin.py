"""The pytest plugin: tests that measure run only when asked to, and a gate that is not met fails the test."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopbench import pytest as plugin
from loopbench.errors import LoopbenchError, RegressionError
from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import judge_session
from loopbench.measure.events import SessionEnded
from loopbench.pytest import Measure, loopbench_measure
from loopbench.scenario import Scenario
from loopbench.scenario.gates import Gate

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example"
SCENARIO = ROOT / "scenarios" / "file_write.toml"

__all__ = ["loopbench_measure"]

pytest_plugins = ["pytester"]


PLUGIN = 'pytest_plugins = ["loopbench.pytest"]\n'
"""A project's conftest."""

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


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with tests that measure."""
    pytester.makeconftest(PLUGIN)
    pytester.makepyfile(test_speed=MARKED)
    return pytester


def said_by(project: pytest.Pytester, *options: str) -> str:
    """Return what pytest prints in a project."""
    return str(project.runpytest_inprocess("-p", "no:cacheprovider", *options).stdout)


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles of what would have been measured; the example session stands in for each measurement."""
    titles: list[str] = []

    def begin(scenario: Scenario, *_: object) -> SessionEnded:
        titles.append(scenario.title)
        return SessionEnded(EXAMPLE, 12, 12, None, None)

    monkeypatch.setattr(plugin, "begin_session", begin)
    return titles


def test_a_valid_session_is_returned(loopbench_measure: Measure) -> None:
    assert loopbench_measure(SCENARIO).folder == EXAMPLE


def test_a_gate_that_is_not_met_fails_the_test(loopbench_measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = GateAnswer(Gate(figure="goodput", at_least=900), "def", Outcome.NOT_MET, "goodput of def")
    monkeypatch.setattr(plugin, "judge_session", lambda folder: replace(judge_session(folder), gates=(gate,)))
    with pytest.raises(RegressionError, match="NOT MET: goodput of def"):
        loopbench_measure(SCENARIO)


def test_an_error_is_reported_without_local_values_controls_and_commands(pytester: pytest.Pytester) -> None:
    """`--showlocals` prints the local variables of a failed test, and a scenario among them has tokens."""
    pytester.makeconftest(PLUGIN)
    pytester.makepyfile(
        test_speed="from loopbench.errors import RegressionError\n\n\n"
        "def test_speed():\n"
        "    scenario = 'a-canary-token'\n"
        "    raise RegressionError('\\x1b[31m ##[error]no', slug='gate')\n"
    )
    said = said_by(pytester, "--showlocals", "-vv", "--color=no")
    assert "error[gate]: \\x1b[31m \\u0023#[error]no\n" in said
    assert "a-canary-token" not in said
    assert "\x1b" not in said


def test_what_ends_a_measurement_from_outside_is_reported_without_local_values(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal of pytest-timeout raises what is no Exception."""

    def begin(*_: object) -> None:
        secret = "a-canary-token"  # noqa: F841, S105  a local variable
        pytest.fail("over its time")

    monkeypatch.setattr(plugin, "begin_session", begin)
    said = said_by(project, "--loopbench", "--showlocals", "--color=no")
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


def test_tests_that_measure_are_skipped_with_the_reason(project: pytest.Pytester, measured: list[str]) -> None:
    said = said_by(project, "-rs", "--strict-markers")
    assert "3 skipped" in said
    assert "it measures, which takes minutes: --loopbench runs it" in said
    assert measured == []


def test_a_marked_test_measures_its_scenario_and_gets_its_session(
    project: pytest.Pytester, measured: list[str]
) -> None:
    said = said_by(project, "--loopbench", "--strict-markers")
    assert "3 passed" in said
    assert [each.partition(" ")[0] for each in measured] == ["Writing"] * 3


def test_measuring_under_xdist_is_refused(project: pytest.Pytester) -> None:
    """In a process of its own, because pytest-xdist does not start inside of itself."""
    ended = project.runpytest_subprocess("--loopbench", "-n", "2")
    ended.stderr.fnmatch_lines("ERROR: --loopbench measures one scenario at a time*")
    assert "passed" not in str(ended.stdout)


def test_a_session_without_a_scenario_is_a_failure_that_says_so(project: pytest.Pytester) -> None:
    project.makepyfile(test_speed="def test_speed(loopbench_session):\n    pass\n")
    assert 'this test needs a scenario: @pytest.mark.loopbench("scenario.toml")' in said_by(project, "--loopbench")
