"""Targets of a round take turns, unless the scenario has something that one target would do to another."""

from typing import Any

import pytest

from loopbench.scenario.model import MAX_INTERLEAVED
from tests.made_scenario import made_scenario

TWO: tuple[dict[str, Any], ...] = ({"name": "a"}, {"name": "b"})
LEAVES = {"weight": 2, "hang_up": {"after_s": 0.1}}
CASES: tuple[tuple[str, tuple[dict[str, Any], ...], dict[str, Any]], ...] = (
    ("interleave = false", TWO, {"repeat": {"interleave": False}}),
    ("there is one variant", TWO[:1], {}),
    ("there is one variant", TWO, {"repeat": {"variants": ["a"]}}),
    ("too many", tuple({"name": f"v{number}"} for number in range(MAX_INTERLEAVED + 1)), {}),
    ("connections", TWO, {"load": {"users": 2_001}}),
    ("runs elsewhere", TWO, {"target": {"url": "http://127.0.0.1:8000"}}),
    ("schedule", TWO, {"load": {"mode": "open", "rate": 10}}),
    ("several generators", TWO, {"load": {"generators": 2}}),
    ("services", TWO, {"services": ["redis"]}),
    ("after the answers", ({"name": "a", "receipt": {"path": "/r", "until": {"idle": True}}}, TWO[1]), {}),
    ("hangs up", ({"name": "a", **LEAVES}, TWO[1]), {}),
    ("a command of its own", ({"name": "a", "target": {"command": "gunicorn {app} -b :{port}"}}, TWO[1]), {}),
    ("several workers", ({"name": "a", "target": {"workers": 2}}, TWO[1]), {}),
)


@pytest.mark.parametrize(("reason", "variants", "tables"), CASES, ids=[case[0] for case in CASES])
def test_runs_that_would_disturb_each_other_have_the_machine_to_themselves(
    reason: str, variants: tuple[dict[str, Any], ...], tables: dict[str, Any]
) -> None:
    assert reason in made_scenario(*variants, **tables).isolated_because


def test_others_take_turns() -> None:
    assert made_scenario(*TWO).isolated_because == ""
    counted = {"name": "a", "receipt": {"path": "/r"}}
    assert made_scenario(counted, TWO[1]).isolated_because == "", "a receipt of counts is there when the load ends"
