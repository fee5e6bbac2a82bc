"""The plan is a pure function of the scenario and the seed."""

from pathlib import Path

import pytest

from loopbench.plan import make_plan
from loopbench.scenario import load

FILE = Path(__file__).parents[1] / "scenarios" / "file_write.toml"
SCENARIO = load(FILE)
SLUGS = sorted(each.slug for each in SCENARIO.variants)


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    assert make_plan(SCENARIO, 7) == make_plan(SCENARIO, 7)
    assert len({make_plan(SCENARIO, seed).runs for seed in range(20)}) == 20


def test_first_every_variant_has_its_ramp_and_each_goes_first_sometimes() -> None:
    firsts = set()
    for seed in range(50):
        pictures = make_plan(SCENARIO, seed).pictures
        assert sorted(run.variant for run in pictures) == SLUGS
        assert {run.kind for run in pictures} == {"ramp"}
        firsts.add(pictures[0].variant)
    assert sorted(firsts) == SLUGS


def test_then_rounds_hold_every_variant_once_in_orders_of_their_own() -> None:
    rounds = make_plan(SCENARIO, 3).rounds
    assert len(rounds) == SCENARIO.repeat.max_rounds
    assert all(sorted(run.variant for run in runs) == SLUGS for runs in rounds)
    assert len({tuple(run.variant for run in runs) for runs in rounds}) > 3
    assert [run.round for runs in rounds for run in runs] == sorted(number for number in range(1, 13) for _ in SLUGS)


def test_rounds_may_be_about_some_of_the_variants_and_the_pictures_are_about_all() -> None:
    plan = make_plan(load(FILE, ('repeat.variants=["aiofiles", "def"]',)), 3)
    assert sorted(run.variant for run in plan.pictures) == SLUGS
    assert all(sorted(run.variant for run in runs) == ["aiofiles", "def"] for runs in plan.rounds)


def test_numbers_go_up_and_seeds_differ() -> None:
    runs = make_plan(SCENARIO, 1).runs
    assert [run.number for run in runs] == list(range(1, len(runs) + 1))
    assert len({run.seed for run in runs}) == len(runs)


def test_step_loads_come_between_the_ramps_and_the_rounds_as_often_as_asked() -> None:
    scenario = load(FILE, ("load.steps=[1,5,10]", "load.step_runs=2"))
    assert [run.kind for run in make_plan(scenario, 1).pictures] == ["ramp"] * 4 + ["steps"] * 8


def test_without_rounds_the_pictures_are_the_plan() -> None:
    plan = make_plan(load(FILE, rounds=0), 1)
    assert plan.rounds == ()
    assert plan.runs == plan.pictures
    assert plan.shortest_s == plan.longest_s


def test_the_expected_time_of_a_ramp_holds_warm_up_ramp_and_hold() -> None:
    load_s = SCENARIO.load.warmup_s + 99 + SCENARIO.load.hold_s
    (run, *_) = make_plan(SCENARIO, 1).runs
    assert load_s < run.expected_s < load_s * 1.05


def test_the_shortest_time_counts_the_fewest_rounds_and_the_longest_all() -> None:
    plan = make_plan(SCENARIO, 1)
    round_s = sum(run.expected_s for run in plan.rounds[0])
    pictures_s = sum(run.expected_s for run in plan.pictures)
    assert plan.shortest_s == pytest.approx(pictures_s + SCENARIO.repeat.min_rounds * round_s)
    assert plan.longest_s == pytest.approx(pictures_s + SCENARIO.repeat.max_rounds * round_s)
