"""From a scenario to the order its generator reads."""

from pathlib import Path

import pytest

from loopbench.measure.order import make_order, with_least_window
from loopbench.plan import make_plan
from loopbench.records.load_order import LoadOrder
from loopbench.records.session import KIND_PLATEAU, KIND_STEPS
from loopbench.scenario import load

SCENARIO = """
title = "Levels"
question = "How long does a level last?"

[target]
app = "app:app"

[load]
users = 10
spawn_rate = 10
hold_s = 2
steps = [1, 2, 20]
step_s = 5

[repeat]
min_rounds = 2
max_rounds = 2
window_s = 4

[[variants]]
name = "only"
path = "/"
"""


@pytest.fixture
def orders(tmp_path: Path) -> dict[str, LoadOrder]:
    """One of each kind of run."""
    file = tmp_path / "levels.toml"
    file.write_text(SCENARIO)
    scenario = load(file)
    runs = {run.kind: run for run in make_plan(scenario, seed=1).runs}
    return {
        kind: make_order(scenario, run, nonce="n", url="http://127.0.0.1:1", folder=tmp_path, explain=False)
        for kind, run in runs.items()
    }


def test_a_window_is_never_shorter_than_the_scenario_says(orders: dict[str, LoadOrder]) -> None:
    assert with_least_window(orders[KIND_PLATEAU], 3.0).hold_s == 4.0
    assert with_least_window(orders[KIND_PLATEAU], 30.0).hold_s == 30.0


def test_a_level_has_its_share_of_the_window_all_users_need(orders: dict[str, LoadOrder]) -> None:
    grown = with_least_window(orders[KIND_STEPS], 30.0)
    assert {level.users: level.hold_s for level in grown.steps} == {1: 5.0, 2: 6.0, 20: 60.0}
    assert [level.users for level in grown.steps] == [level.users for level in orders[KIND_STEPS].steps]
