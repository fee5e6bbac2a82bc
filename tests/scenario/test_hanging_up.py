"""Clients that hang up: the keys of a scenario."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hang_up = { after_s = 0.5, turns = 3 }", "3 hang-ups in only 2 turns"),
        ("hang_up = { after_s = 0 }", "more than 0"),
    ],
)
def test_impossible_hang_ups_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(scenario_with(tmp_path, text))
    assert any(words in f"{each.message} {each.allowed}" for each in caught.value.problems)
