"""The badge: what it says of a session, and that it is grey where nothing is decided."""

import json
from dataclasses import replace

import pytest

from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.summary.badge import MAX_CHARACTERS, badge
from loopbench.scenario.gates import Gate
from tests.plots.causes import LOST, explained, repeated
from tests.plots.reports import Made, session


def shown_by(report: SessionReport) -> tuple[str, str]:
    content = json.loads(badge(report))
    assert (content["schemaVersion"], content["label"]) == (1, "loopbench file-write")
    return content["message"], content["color"]


def measured(first: str = "def") -> SessionReport:
    made = [Made(first, rps=200), Made("b\x1b", rps=100), Made("c", rps=180)]
    return repeated(explained(session(made)), 6, spread=0.001)


def test_the_largest_difference_is_quoted_with_its_interval_and_the_stamp() -> None:
    message, colour = shown_by(measured())
    assert message.startswith((r"def 2.00x b\x1b [", r"b\x1b 0.50x def ["))
    assert message.endswith("] (VALID)")
    assert colour == "blue"


def test_a_session_without_rounds_or_with_an_invalid_stamp_is_grey() -> None:
    assert shown_by(session([Made("def")])) == ("no verdict", "lightgrey")
    invalid = replace(measured(), stamp=SessionStamp((MergedOutcome(LOST),)))
    assert shown_by(invalid) == ("INVALID", "lightgrey")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.MET, Outcome.MET], ("2 gates MET (VALID)", "brightgreen")),
        ([Outcome.MET, Outcome.NOT_MET], ("1 of 2 gates NOT MET", "red")),
        ([Outcome.NOT_MET, Outcome.CANNOT_TELL], ("1 of 2 gates CANNOT TELL", "lightgrey")),
    ],
)
def test_gates_come_before_verdicts(outcomes: list[Outcome], expected: tuple[str, str]) -> None:
    gate = Gate(figure="goodput", at_least=1.0)
    gates = tuple(GateAnswer(gate, "def", outcome, "goodput of def", reason="") for outcome in outcomes)
    assert shown_by(replace(measured(), gates=gates)) == expected


def test_a_long_name_is_cut() -> None:
    assert len(shown_by(measured("d" * 90))[0]) == MAX_CHARACTERS
