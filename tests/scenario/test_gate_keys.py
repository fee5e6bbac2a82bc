"""Gates load, or their mistakes are reported."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.scenario import load
from loopbench.scenario.gates import FIGURES, Gate

SCENARIO = """
title = "t"
question = "q"
[target]
app = "main:app"
[[variants]]
name = "def"
path = "/a"
[[variants]]
name = "async def"
path = "/b"
"""
NEIGHBOUR = '[[requests]]\nname = "hello"\npath = "/hello"\n'


def written(tmp_path: Path, text: str) -> Path:
    """Load a scenario with these tables after the others."""
    file = tmp_path / "s.toml"
    file.write_text(SCENARIO + text)
    return file


def gate(keys: str) -> str:
    return f"[[expect]]\n{keys}\n"


@pytest.mark.parametrize(
    ("keys", "recorded"),
    [
        (
            'figure = "goodput"\nvariant = "def"\nat_least = 0.9\nof = "baseline"',
            Gate(figure="goodput", variant="def", at_least=0.9, of="baseline"),
        ),
        ('figure = "neighbour_p99_ms"\nunder = 50', Gate(figure="neighbour_p99_ms", under=50.0)),
        (
            'figure = "loop_blocked_share"\nunder = 0.05',
            Gate(figure="loop_blocked_share", under=0.05),
        ),
        ('figure = "line_ms"\nat_most = 20', Gate(figure="line_ms", at_most=20.0)),
        ('figure = "p99_ms"\nat_least = 1\nat_most = 2', Gate(figure="p99_ms", at_least=1.0, at_most=2.0)),
    ],
)
def test_a_gate_is_recorded_as_it_was_written(tmp_path: Path, keys: str, recorded: Gate) -> None:
    (made,) = load(written(tmp_path, NEIGHBOUR + gate(keys))).expect
    assert made == recorded


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('figure = "speed"\nat_least = 1', "'goodput', 'p99_ms'"),
        ('figure = "goodput"', "takes `at_least`, `at_most` or `under`"),
        ('figure = "p99_ms"\nat_most = 5\nunder = 6', "give one of them"),
        ('figure = "p99_ms"\nat_least = 5\nat_most = 4', "no value is at least"),
        ('figure = "line_ms"\nat_most = 1\nof = "baseline"', "only goodput, p99_ms, neighbour_p99_ms can be compared"),
        ('figure = "goodput"\nat_least = 1\nof = "yesterday"', "'baseline'"),
        ('figure = "loop_blocked_share"\nunder = 5', "5 % is 0.05"),
        ('figure = "goodput"\nvariant = "deff"\nat_least = 1', "'deff' is none of the variants: def, async def"),
        ('figure = "neighbour_p99_ms"\nunder = 50', "needs a neighbour"),
        ('figure = "goodput"\nat_least = -1', "at least 0"),
        ('figure = "goodput"\natleast = 1', "did you mean 'at_least'?"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, keys: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, gate(keys)))
    assert words in "\n".join(f"{each.path}: {each.message} ({each.allowed})" for each in caught.value.problems)


def test_every_figure_that_can_be_written_can_be_judged() -> None:
    assert Gate.model_json_schema()["properties"]["figure"]["enum"] == list(FIGURES)
