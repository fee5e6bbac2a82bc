"""The plan is a pure function of the scenario and the seed."""

from pathlib import Path

from loopbench.plan import make_plan
from loopbench.scenario import load

SCENARIO = load(Path(__file__).parents[1] / "scenarios" / "file_write.toml")


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    assert make_plan(SCENARIO, 7) == make_plan(SCENARIO, 7)
    assert len({make_plan(SCENARIO, seed).runs for seed in range(20)}) == 20


def test_every_variant_is_measured_once_and_each_goes_first_sometimes() -> None:
    slugs = [SCENARIO.slug(index) for index in range(len(SCENARIO.variants))]
    firsts = set()
    for seed in range(50):
        runs = make_plan(SCENARIO, seed).runs
        assert sorted(run.variant for run in runs) == sorted(slugs)
        assert [run.number for run in runs] == list(range(1, len(slugs) + 1))
        firsts.add(runs[0].variant)
    assert firsts == set(slugs)


def test_the_expected_time_holds_warm_up_ramp_and_hold() -> None:
    load_s = SCENARIO.load.warmup_s + 99 + SCENARIO.load.hold_s
    (run, *_) = make_plan(SCENARIO, 1).runs
    assert load_s < run.expected_s < load_s * 1.05
