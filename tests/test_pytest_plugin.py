"""The pytest plugin: a session that is valid is returned, and a gate that is not met fails the test."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopbench import pytest as plugin
from loopbench.errors import RegressionError
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
