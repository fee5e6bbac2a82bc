"""What `session.json` says before the first run."""

from pathlib import Path

import pytest

from loopbench.plan import make_plan
from loopbench.scenario import load
from loopbench.session import describe

SCENARIO = """
title = "t"
question = "q"
[target]
url = "http://127.0.0.1:9"
[load]
{asked}
[[variants]]
name = "a"
path = "/a"
"""


@pytest.mark.parametrize(
    ("asked", "generators", "elsewhere"),
    [("", 1, 0), ("generators = 3", 3, 0), ('remote_workers = 2\nmaster_bind = "127.0.0.1"', 1, 2)],
)
def test_it_says_where_the_load_is_to_come_from(tmp_path: Path, asked: str, generators: int, elsewhere: int) -> None:
    (tmp_path / "s.toml").write_text(SCENARIO.format(asked=asked))
    scenario = load(tmp_path / "s.toml")
    said = describe(scenario, make_plan(scenario, 1), quick=False, explain=False).scenario
    assert (said.load.generators, said.load.remote_workers) == (generators, elsewhere)
