"""Clients that hang up: the keys of a scenario, and the generator's order."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.measure.order import ordered
from loopbench.scenario import load

SCENARIO = """
title = "t"
question = "q"
[target]
app = "main:app"
[[variants]]
name = "one"
path = "/a"
weight = 2
"""


def scenario_with(tmp_path: Path, text: str) -> Path:
    """Write a file that ends with these lines."""
    file = tmp_path / "s.toml"
    file.write_text(SCENARIO + text)
    return file


def test_it_reaches_the_generators_order(tmp_path: Path) -> None:
    (variant,) = load(scenario_with(tmp_path, "hang_up = { after_s = 0.5 }")).variants
    assert (ordered(variant).hang_up_after_s, ordered(variant).hang_up_turns) == (0.5, 1)


def test_without_it_no_client_disconnects(tmp_path: Path) -> None:
    (variant,) = load(scenario_with(tmp_path, "")).variants
    assert (ordered(variant).hang_up_after_s, ordered(variant).hang_up_turns) == (None, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hang_up = { after_s = 0.5, turns = 3 }", "3 hang-ups in only 2 turns"),
        ("hang_up = { after_s = 0 }", "greater than 0"),
        ('hang_up = { after_s = 1 }\n[load]\nuser = "fast"', 'which user = "fast" cannot do'),
    ],
)
def test_impossible_hang_ups_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(scenario_with(tmp_path, text))
    assert any(words in f"{each.message} {each.allowed}" for each in caught.value.problems)
