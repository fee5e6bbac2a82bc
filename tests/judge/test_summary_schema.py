"""`docs/schemas/summary.schema.json` says what `summary.json` is: every made-up session keeps it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.diagnosis.diagnosis import Confidence
from loopbench.judge.rounds.claims import Answer
from loopbench.judge.session.gates import Outcome
from loopbench.judge.session.session_gates import session_gates
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.stamp_checks import Level
from loopbench.judge.statistics.verdict import Word
from loopbench.judge.summary.summary import SUMMARY_FORMAT, to_json
from loopbench.scenario.gates import FIGURES, Gate
from tests.plots.causes import explained, opened, repeated, spoiled, stepped
from tests.plots.reports import FOUR, Made, nasty_session, session

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "summary.schema.json").read_text(encoding="utf-8"))
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def problems(value: Any, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """What the schema has against a value: the part of JSON Schema that ours is written in, and nothing else."""
    for keyword, wanted in schema.items():
        yield from _KEYWORDS[keyword](value, wanted, schema, where)


def _refer(value: Any, name: str, _schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from problems(value, SCHEMA["$defs"][name.removeprefix("#/$defs/")], where)


def _type(value: Any, wanted: str | list[str], _schema: dict[str, Any], where: str) -> Iterator[str]:
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(isinstance(value, TYPES[name]) and (isinstance(value, bool) <= (name == "boolean")) for name in names):
        yield f"{where} is {type(value).__name__}, not {wanted}"


def _properties(value: Any, wanted: dict[str, Any], _schema: dict[str, Any], where: str) -> Iterator[str]:
    for key, item in value.items() if isinstance(value, dict) else ():
        if key in wanted:
            yield from problems(item, wanted[key], f"{where}.{key}")


def _required(value: Any, wanted: list[str], _schema: dict[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{where}.{key} is missing" for key in wanted if key not in value)


def _no_others(value: Any, wanted: bool, schema: dict[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, dict) and not wanted:
        yield from (f"{where}.{key} is not known" for key in value if key not in schema["properties"])


def _items(value: Any, wanted: dict[str, Any], _schema: dict[str, Any], where: str) -> Iterator[str]:
    for place, item in enumerate(value if isinstance(value, list) else ()):
        yield from problems(item, wanted, f"{where}[{place}]")


def _any_of(value: Any, wanted: list[dict[str, Any]], _schema: dict[str, Any], where: str) -> Iterator[str]:
    against = [list(problems(value, each, where)) for each in wanted]
    if all(against):
        yield min(against, key=len)[0]


_KEYWORDS: dict[str, Any] = {
    "$ref": _refer,
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _no_others,
    "items": _items,
    "anyOf": _any_of,
    "const": lambda value, wanted, _schema, where: [f"{where} is {value!r}"] * (value != wanted),
    "enum": lambda value, wanted, _schema, where: [f"{where} is {value!r}"] * (value not in wanted),
    "minItems": lambda value, wanted, _schema, where: [f"{where} is short"] * (len(value or "..") < wanted),
    "maxItems": lambda value, wanted, _schema, where: [f"{where} is long"] * (len(value or "") > wanted),
    **dict.fromkeys(("$schema", "$defs", "title", "description"), lambda *_: ()),
}


def gated(report: SessionReport) -> SessionReport:
    """The same session, every figure asked."""
    gates = [Gate(figure=figure, at_most=1.0) for figure in FIGURES]
    scenario = report.record.scenario.model_copy(
        update={"expect": [*gates, Gate(figure="goodput", at_least=0.9, of="baseline")]}
    )
    answers = session_gates(scenario, report.runs, report.rounds)
    return replace(report, record=replace(report.record, scenario=scenario), gates=answers)


def with_journeys(report: SessionReport) -> SessionReport:
    """The same session, loaded by the users of a locustfile."""
    scenario = report.record.scenario
    load = scenario.load.model_copy(update={"locustfile": "journeys.py", "user_classes": ["Shopper"]})
    return replace(report, record=replace(report.record, scenario=scenario.model_copy(update={"load": load})))


SESSIONS: dict[str, SessionReport] = {
    "four": session(),
    "nasty": repeated(explained(nasty_session()), 2),
    "nothing complete": session(missing=[made.name for made in FOUR]),
    "failures only": session([Made("broken", failed=True)]),
    "journeys": with_journeys(session()),
    "no hold": session([Made("def", hold_s=0)]),
    "everything": gated(opened(stepped(repeated(explained(session(), exact=True)), {"def": 40, "aiofiles": 6}))),
    "one INVALID": gated(spoiled(repeated(explained(session()), invalid=["aiofiles"]), "aiofiles")),
}


@pytest.mark.parametrize("report", SESSIONS.values(), ids=SESSIONS)
def test_every_kind_of_session_keeps_the_schema(report: SessionReport) -> None:
    assert list(problems(json.loads(to_json(report)), SCHEMA)) == []


def test_the_example_session_keeps_the_schema_but_for_what_was_added_later() -> None:
    summary = json.loads((ROOT / "results" / "example" / "summary.json").read_text(encoding="utf-8"))
    summary.setdefault("gates", [])
    summary.setdefault("failures", [])
    summary["scenario"].setdefault("expect", [])
    for quantity in summary["rounds"]["quantities"]:
        for verdict in quantity["verdicts"]:
            verdict.setdefault("confidence", 0.95)
    assert list(problems(summary, SCHEMA)) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], 3, ".format is 3"),
        (["gates", 0, "outcome"], "PASSED", ".gates[0].outcome is 'PASSED'"),
        (["gates", 0, "extra"], 1, ".gates[0].extra is not known"),
        (["gates", 0, "value"], True, ".gates[0].value is bool, not ['number', 'null']"),
        (["gates", 0, "interval"], [1.0], ".gates[0].interval is short"),
        (["stamp", "label"], None, ".stamp.label is None"),
        (["answer"], 5, ".answer is int, not string"),
    ],
)
def test_what_breaks_the_schema_is_found(path: list[str | int], value: Any, said: str) -> None:
    summary = copy.deepcopy(json.loads(to_json(SESSIONS["everything"])))
    *to, last = path
    place: Any = summary
    for part in to:
        place = place[part]
    place[last] = value
    assert said in list(problems(summary, SCHEMA))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (SCHEMA["$defs"]["gate"]["properties"]["outcome"], [str(each) for each in Outcome]),
        (SCHEMA["$defs"]["figure"], list(FIGURES)),
        (SCHEMA["$defs"]["level"], [each.label for each in Level if each.label in SCHEMA["$defs"]["level"]["enum"]]),
        (SCHEMA["$defs"]["claim"]["properties"]["answer"], [str(each) for each in Answer]),
        (SCHEMA["$defs"]["diagnosis"]["properties"]["confidence"], [str(each) for each in Confidence]),
        (
            SCHEMA["$defs"]["rounds"]["properties"]["quantities"]["items"]["properties"]["verdicts"]["items"][
                "properties"
            ]["verdict"],
            [str(each) for each in Word],
        ),
    ],
)
def test_the_words_are_those_of_the_code(place: dict[str, Any], words: list[str]) -> None:
    assert place["enum"] == words


def test_the_format_is_the_one_that_is_written() -> None:
    assert SCHEMA["properties"]["format"]["const"] == SUMMARY_FORMAT
