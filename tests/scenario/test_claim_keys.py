"""Claims load, or their mistakes are reported."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.scenario import load
from loopbench.scenario.claims import Claim

SCENARIO = """
title = "t"
question = "q"
[target]
app = "main:app"
[[variants]]
name = "one"
path = "/a"
[[variants]]
name = "two"
path = "/b"
"""
CLAIM = """
[[claims]]
id = "c-1"
text = "One is faster."
where = "a book, page 3"
"""


def problems_of(tmp_path: Path, text: str) -> str:
    """Return all problems of a scenario with these claims as text."""
    file = tmp_path / "s.toml"
    file.write_text(SCENARIO + text)
    with pytest.raises(ScenarioError) as caught:
        load(file)
    return "\n".join(f"{each.path}: {each.message} ({each.allowed})" for each in caught.value.problems)


def test_a_claim_is_recorded_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        SCENARIO + CLAIM + 'compare = "goodput"\na = "one"\nb = "two"\nexpect = "about"\nratio = 2.5\nwithin = 0.1\n'
    )
    (claim,) = load(file).claims
    recorded = Claim(
        id="c-1",
        text="One is faster.",
        where="a book, page 3",
        compare="goodput",
        a="one",
        b="two",
        value=None,
        expect="about",
        ratio=2.5,
        within=0.1,
    )
    assert claim == recorded
    assert recorded.receipt_key is None


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('compare = "goodput"\na = "one"\nb = "three"\nexpect = "higher"', "'three' is none of the variants: one, two"),
        ('compare = "goodput"\na = "one"\nexpect = "higher"', "either `b` or a `value`"),
        ('compare = "goodput"\na = "one"\nb = "two"\nvalue = 3\nexpect = "higher"', "either `b` or a `value`"),
        ('compare = "goodput"\na = "one"\nb = "one"\nexpect = "higher"', "with itself"),
        ('compare = "goodput"\na = "one"\nb = "two"\nexpect = "lower"\nwithin = 0.1', "needs the published `ratio`"),
        ('compare = "speed"\na = "one"\nb = "two"\nexpect = "lower"', "neighbour_p99 or receipt:KEY"),
        ('compare = "receipt:"\na = "one"\nb = "two"\nexpect = "lower"', "neighbour_p99 or receipt:KEY"),
        ('compare = "goodput"\na = "one"\nb = "two"\nexpect = "better"', "'higher', 'lower' or 'about'"),
        ('compare = "goodput"\na = "one"\nb = "two"\nexpct = "lower"', "did you mean 'expect'?"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, keys: str, words: str) -> None:
    assert words in problems_of(tmp_path, CLAIM + keys)


def test_two_claims_with_one_id_are_refused(tmp_path: Path) -> None:
    keys = 'compare = "goodput"\na = "one"\nb = "two"\nexpect = "lower"\n'
    assert "two claims are called c-1" in problems_of(tmp_path, CLAIM + keys + CLAIM + keys)
