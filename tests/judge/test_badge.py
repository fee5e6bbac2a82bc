"""The badge: what it says of a session, and that it is grey where nothing is decided or the answer is old."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from loopbench.judge.session.gates import GateAnswer, Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.session.session_stamp import MergedOutcome, SessionStamp
from loopbench.judge.summary.badge import CHARACTER_PX, FILLS, MAX_AGE_DAYS, MAX_CHARACTERS, badge, badge_svg
from loopbench.scenario.gates import Gate
from tests.plots.causes import LOST, explained, repeated
from tests.plots.reports import Made, session


def after(report: SessionReport, days: float) -> datetime:
    return datetime.fromisoformat(report.record.started) + timedelta(days=days)


def shown_by(report: SessionReport, days: float = 1) -> tuple[str, str]:
    content = json.loads(badge(report, after(report, days)))
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


def test_an_old_answer_is_grey_and_has_its_date() -> None:
    report = measured()
    assert shown_by(report, MAX_AGE_DAYS)[1] == "blue"
    message, colour = shown_by(report, MAX_AGE_DAYS + 1)
    assert colour == "lightgrey"
    assert message.endswith(f"(VALID) {report.record.started[:10]}")


def test_a_session_that_does_not_say_when_it_began_is_grey() -> None:
    report = measured()
    undated = replace(report, record=replace(report.record, started="no date"))
    assert json.loads(badge(undated))["color"] == "lightgrey"


@pytest.mark.parametrize("name", ["def", '<script>&"', "\U0001f600\x00\ufffe"])
def test_the_svg_shows_the_same_words_and_colour_and_its_boxes_hold_them(name: str) -> None:
    report = measured(name)
    now = after(report, 1)
    content = json.loads(badge(report, now))
    svg = ET.fromstring(badge_svg(report, now).encode())  # noqa: S314  our own text
    space = "{http://www.w3.org/2000/svg}"
    label, message = svg.iter(f"{space}text")
    assert [label.text, message.text] == [content["label"], content["message"]]
    assert svg.findtext(f"{space}title") == svg.get("aria-label") == f"{label.text}: {message.text}"
    boxes = svg.findall(f"{space}rect")
    assert boxes[1].get("fill") == FILLS[content["color"]]
    assert sum(int(box.get("width", 0)) for box in boxes) == int(svg.get("width", 0))
    for box, text in zip(boxes, (label, message), strict=True):
        assert len(text.text or "") * CHARACTER_PX <= int(text.get("textLength", 0)) < int(box.get("width", 0))


def test_a_long_name_is_cut() -> None:
    assert len(shown_by(measured("d" * 90))[0]) == MAX_CHARACTERS
