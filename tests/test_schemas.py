"""The published schemas of results: each result names its own, keeps it, and breaks it where it is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopbench import __version__
from loopbench.advice.route_advice import advice_document, without_answer
from loopbench.advice.what_ifs import AS_WRITTEN
from loopbench.judge.atlas import atlas_values
from loopbench.judge.decision_map import map_values
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.summary.summary import to_json
from tests.advice import test_route_advice as advice
from tests.judge.test_atlas import MADE
from tests.judge.test_summary_schema import SESSIONS
from tests.plots.maps import made_map

ROOT = Path(__file__).parents[1]


def made_advice() -> dict[str, Any]:
    """A route with what-ifs, and one without."""
    report = advice.measured({AS_WRITTEN: 50, advice.PLAIN.name: 1800}, {})
    asked = advice.advised(Kind.LOOP_BLOCKED, report, advice.PLAIN)
    alone = without_answer(advice.CANDIDATE, advice.seen(Kind.LOOP_BLOCKED), advice.APP)
    return advice_document([asked, alone], ["POST /: it changes state"])


RESULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "summary": lambda: json.loads(to_json(SESSIONS["everything"])),
    "atlas": lambda: atlas_values(MADE),
    "map": lambda: map_values(made_map()),
    "advice": made_advice,
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_names_the_schema_that_it_keeps(name: str) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    result = json.loads(json.dumps(RESULTS[name](), allow_nan=False))
    assert list(result)[:2] == ["$schema", "format"]
    address, _, file = result["$schema"].partition(f"/loopbench/v{__version__}/")
    assert address == "https://raw.githubusercontent.com/loopbench"
    schema = json.loads((ROOT / file).read_text(encoding="utf-8"))
    validator.check_schema(schema)
    assert [each.message for each in validator(schema).iter_errors(result)] == []
    for key in schema["required"]:
        assert not validator(schema).is_valid({each: result[each] for each in result if each != key}), key
    assert not validator(schema).is_valid(result | {"format": result["format"] + 1})
