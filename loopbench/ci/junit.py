"""JUnit XML of a session: a test case for the measurement, each variant's stamp, each INVALID verdict, and each gate.

A gate that is NOT MET is a `failure`. A gate without a result and an INVALID stamp are an `error`, JUnit's word for a
test that could not be carried out; `skipped` would pass a build without data. The elements and attributes are those of
Jenkins' schema: `junit-10.xsd` of its xUnit plugin.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.verdict import Word
from loopbench.showable import showable

FAILURE: Final = "failure"
ERROR: Final = "error"
TRUSTED: Final = "the measurement can be trusted"


class _Case(NamedTuple):
    """One test case; no `tag`: it passed."""

    name: str
    tag: str = ""
    kind: str = ""
    message: str = ""


def junit_xml(report: SessionReport, doubts: Sequence[str]) -> str:
    r"""The document. Text that XML cannot hold is escaped (`\x1b`)."""
    cases = list(_cases(report, doubts))
    counts = {"tests": len(cases), "failures": _count(cases, FAILURE), "errors": _count(cases, ERROR)}
    numbers = {key: str(value) for key, value in counts.items()}
    name = showable(report.record.name)
    root = ET.Element("testsuites", {"name": "loopbench", **numbers})
    about = {"name": name, "timestamp": showable(report.record.started), "skipped": "0"}
    suite = ET.SubElement(root, "testsuite", about | numbers)
    for case in cases:
        element = ET.SubElement(suite, "testcase", {"classname": f"loopbench.{name}", "name": showable(case.name)})
        if case.tag:
            message = showable(case.message)
            ET.SubElement(element, case.tag, {"type": case.kind, "message": message}).text = message
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _cases(report: SessionReport, doubts: Sequence[str]) -> Iterator[_Case]:
    kind = "DEGRADED" if report.stamp.level is Level.DEGRADED else "INVALID"
    yield _Case(TRUSTED, ERROR, kind, "; ".join(doubts)) if doubts else _Case(TRUSTED)
    yield from _stamps(report)
    for verdict in report.rounds.goodput.verdicts if report.rounds else ():
        if verdict.word is Word.INVALID:
            name = f"{verdict.comparison.a} against {verdict.comparison.b} in {verdict.quantity.name}"
            yield _Case(name, ERROR, Word.INVALID.value, verdict.sentence)
    for gate in report.gates:
        tag = {Outcome.MET: "", Outcome.NOT_MET: FAILURE, Outcome.CANNOT_TELL: ERROR}[gate.outcome]
        yield _Case(f"{gate.subject}: {gate.limit}", tag, gate.outcome.value, gate.sentence)


def _stamps(report: SessionReport) -> Iterator[_Case]:
    """Yield the stamp of each variant's ramp run. One that was not measured has the reason as an error."""
    runs = {run.variant.name: run for run in report.runs}
    failed = {each.variant: each.reason for each in report.failures.variants}
    for name in (variant.name for variant in report.record.scenario.variants):
        case, run = f"stamp of {name}", runs.get(name)
        if run is None:
            yield _Case(case, ERROR, "not measured", failed.get(name, "no ramp run of it is complete"))
        else:
            yield _Case(case) if run.is_valid else _Case(case, ERROR, run.stamp.label, run.stamp.sentence)


def _count(cases: Sequence[_Case], tag: str) -> int:
    return sum(case.tag == tag for case in cases)
