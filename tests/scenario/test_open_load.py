"""Open mode in a scenario: required and excluded keys."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.scenario import load

SCENARIO = """
title = "t"
question = "q"
[target]
app = "main:app"
[load]
{load}
[[variants]]
name = "a"
path = "/a"
"""


def loaded(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "question.toml"
    path.write_text(SCENARIO.format(load=text))
    return path


@pytest.mark.parametrize(
    ("text", "rate", "arrivals"),
    [
        ('mode = "open"\nrate = 200', (200.0, 200.0), "exponential"),
        ('mode = "open"\nrate = [0, 50.5]\narrivals = "constant"', (0.0, 50.5), "constant"),
        ("", None, "exponential"),
    ],
)
def test_a_rate_is_a_number_or_a_range(
    tmp_path: Path, text: str, rate: tuple[float, float] | None, arrivals: str
) -> None:
    found = load(loaded(tmp_path, text)).load
    assert (found.rate, found.arrivals) == (rate, arrivals)


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ('mode = "open"', "load.rate", "needs a rate"),
        ("rate = 5", "load.rate", 'needs mode = "open"'),
        ('arrivals = "constant"', "load.arrivals", 'need mode = "open"'),
        ('mode = "open"\nrate = [5, 0]', "load.rate[1]", "more than 0"),
        ('mode = "open"\nrate = 200000', "load.rate[1]", "at most 100000"),
        ('mode = "open"\nrate = 5\nthink_time_s = 1', "load.mode", "excludes think_time_s"),
        ('mode = "open"\nrate = 5\nsteps = [1, 2]', "load.mode", "excludes steps"),
        ('mode = "open"\nrate = 5\nlocustfile = "l.py"', "load.mode", "excludes locustfile"),
    ],
)
def test_excluded_combinations_are_named(tmp_path: Path, text: str, path: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(loaded(tmp_path, text))
    (problem,) = [each for each in caught.value.problems if each.path == path]
    assert words in problem.message + problem.allowed
