"""The keys `services` and `receipt` of a scenario."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.scenario import Scenario, load

SCENARIO = """
title = "t"
question = "q"
services = {services}

[target]
app = "main:app"

[[variants]]
name = "v"
path = "/v"
receipt = {receipt}
"""


def scenario(folder: Path, services: str = "[]", receipt: str = '{ path = "/r" }') -> Scenario:
    file = folder / "scenario.toml"
    file.write_text(SCENARIO.format(services=services, receipt=receipt), encoding="utf-8")
    return load(file)


def test_services_and_a_receipt_are_read(tmp_path: Path) -> None:
    receipt = '{ path = "/x/receipt", until = { idle = true, lost = 0 }, wait_s = 5 }'
    read = scenario(tmp_path, '["redis", "upstream"]', receipt)
    assert read.services == ["redis", "upstream"]
    asked = read.variants[0].receipt
    assert asked is not None
    assert (asked.path, asked.until, asked.wait_s) == ("/x/receipt", {"idle": True, "lost": 0}, 5)


def test_a_scenario_needs_neither(tmp_path: Path) -> None:
    file = tmp_path / "plain.toml"
    file.write_text(SCENARIO.replace("services = {services}", "").replace("receipt = {receipt}", ""), encoding="utf-8")
    read = load(file)
    assert read.services == []
    assert read.variants[0].receipt is None


@pytest.mark.parametrize(
    ("services", "key"),
    [
        ('["mysql"]', "services[0]"),
        ('["redis", "redis"]', "services"),
        ('"redis"', "services"),
        ("[1]", "services[0]"),
    ],
)
def test_an_unknown_or_repeated_service_is_refused_by_name(tmp_path: Path, services: str, key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario(tmp_path, services)
    (problem,) = refused.value.problems
    assert problem.path == key


@pytest.mark.parametrize(
    ("receipt", "key"),
    [
        ('{ path = "receipt" }', "variants[0].receipt.path"),
        ("{ until = { idle = true } }", "variants[0].receipt.path"),
        ('{ path = "/r", wait_s = 0 }', "variants[0].receipt.wait_s"),
        ('{ path = "/r", wait_s = 601 }', "variants[0].receipt.wait_s"),
        ('{ path = "/r", untill = { idle = true } }', "variants[0].receipt.untill"),
        ('{ path = "/r", until = { "" = true } }', "variants[0].receipt.until"),
    ],
)
def test_an_impossible_receipt_is_refused_with_its_key(tmp_path: Path, receipt: str, key: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        scenario(tmp_path, receipt=receipt)
    assert any(problem.path.startswith(key) for problem in refused.value.problems)
