"""The keys of `[[timelines]]`, and the mistakes that are refused before anything starts."""

from pathlib import Path

import pytest

from loopbench.errors import ScenarioError
from loopbench.plan import make_plan
from loopbench.scenario import Scenario, load

SCENARIO = """
title = "t"
question = "q"
[target]
app = "app:app"
[[requests]]
name = "hello"
path = "/hello"
[[variants]]
name = "def"
path = "/wait"
"""
CLAIM = """
[[claims]]
id = "c"
text = "t"
where = "w"
compare = "receipt:kept_waiting"
a = "six at once"
value = 0
expect = "about"
"""


def with_timelines(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO + text)
    return load(file)


def timeline(name: str, *requests: str) -> str:
    return f'[[timelines]]\nname = "{name}"\nrequests = [{", ".join(repr(each) for each in requests)}]\n'


def test_a_timeline_takes_paths_and_names_and_can_have_a_claim(tmp_path: Path) -> None:
    scenario = with_timelines(
        tmp_path, timeline("six at once", "/slow?seconds=4", "/slow?seconds=4", "hello", "def") + CLAIM
    )
    assert scenario.timeline("six-at-once").requests == ["/slow?seconds=4", "/slow?seconds=4", "hello", "def"]


def test_timelines_come_first_in_the_plan_once_each_and_outside_rounds(tmp_path: Path) -> None:
    scenario = with_timelines(tmp_path, timeline("one", "/") + timeline("two", "/"))
    runs = make_plan(scenario, 1).runs
    assert [(run.kind, run.variant, run.round) for run in runs[:3]] == [
        ("timeline", "one", 0),
        ("timeline", "two", 0),
        ("ramp", "def", 0),
    ]
    assert [run.kind for run in runs].count("timeline") == 2


def test_a_target_elsewhere_has_another_clock_so_it_has_no_timelines(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(SCENARIO.replace('app = "app:app"', 'url = "http://10.0.0.7:8000"') + timeline("t", "/"))
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert "excludes timelines" in caught.value.problems[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (timeline("t", "nobody"), "'nobody' is no path and no request's name"),
        (timeline("t", "/a b"), "'/a b' is no path and no request's name"),
        (timeline("def", "/"), "two timelines or variants are called 'def'"),
        (timeline("t", "/") + timeline("t", "/"), "two timelines or variants are called 't'"),
        (timeline("t"), "at least 1 item"),
        (timeline("t", *["/"] * 17), "at most 16 items"),
        (CLAIM, "'six at once' is none of the variants"),
    ],
)
def test_invalid_timelines_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        with_timelines(tmp_path, text)
    assert words in " ".join(problem.message for problem in caught.value.problems)
