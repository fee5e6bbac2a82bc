"""Before and after: when something is called a regression, and when nothing is decided."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from loopbench.judge.compare.comparison import Change, Comparing, compare_revisions, compare_sessions
from loopbench.judge.compare.likeness import code_of, differences, refusals
from loopbench.judge.compare.session_figures import figures_of
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.stamp.canaries import Canaries
from loopbench.judge.statistics.intervals import Estimate, UnpairedEstimate
from tests.made_scenario import changed
from tests.plots.causes import explained, repeated
from tests.plots.reports import Made, session

BEFORE = Made("def", rps=500)
NOISE = 0.03


def measured(rps: float, seed: int, *, rounds: int = 6, canary_s: float = 0.003) -> SessionReport:
    """A session of one variant without neighbours."""
    made = [replace(BEFORE, rps=rps), Made("other", rps=500)]
    report = repeated(explained(session(made, neighbours=())), rounds, seed=seed, spread=NOISE)
    return replace(report, canaries=Canaries(canary_s, 0.02))


def change(found: Comparing, variant: str = "def") -> Change:
    return next(each.change for each in found.changed if each.variant == variant)


def test_a_loss_beyond_the_tolerance_is_a_regression() -> None:
    found = compare_sessions(figures_of(measured(500, 1)), figures_of(measured(300, 2)))
    assert change(found) is Change.REGRESSION
    assert change(found, "other") is Change.NONE_SHOWN
    assert [each.variant for each in found.regressions] == ["def"]


def test_a_loss_within_the_tolerance_is_none() -> None:
    assert (
        change(compare_sessions(figures_of(measured(500, 1)), figures_of(measured(470, 2)), tolerance=0.2))
        is Change.NONE_SHOWN
    )


def test_a_gain_is_no_regression() -> None:
    assert change(compare_sessions(figures_of(measured(300, 1)), figures_of(measured(500, 2)))) is Change.NONE_SHOWN


def test_what_the_machine_lost_is_not_the_apps_regression() -> None:
    slow_machine = measured(300, 2, canary_s=0.005)
    assert change(compare_sessions(figures_of(measured(500, 1)), figures_of(slow_machine))) is not Change.REGRESSION


def test_the_same_app_twice_is_never_a_regression_in_a_hundred_pairs() -> None:
    pairs = [
        compare_sessions(figures_of(measured(500, 2 * seed)), figures_of(measured(500, 2 * seed + 1)))
        for seed in range(100)
    ]
    assert not [pair for pair in pairs if pair.regressions]


def test_without_rounds_nothing_is_decided() -> None:
    picture = replace(measured(500, 1), rounds=None)
    found = compare_sessions(figures_of(picture), figures_of(measured(300, 2)))
    assert [each.change for each in found.changed] == [Change.CANNOT_TELL, Change.CANNOT_TELL]
    assert "A has no rounds" in found.changed[0].verdict.sentence
    assert found.undecided


def test_a_variant_of_one_session_alone_is_named_and_not_compared() -> None:
    more = repeated(explained(session([BEFORE, Made("new")], neighbours=())), 6)
    found = compare_sessions(figures_of(measured(500, 1)), figures_of(more))
    assert [each.variant for each in found.changed] == ["def"]
    assert found.only_in_one == ("other", "new")


def test_revisions_are_paired_inside_their_rounds() -> None:
    made = [Made("def @ main", rps=500), Made("def @ HEAD", rps=300)]
    report = repeated(explained(session(made, neighbours=())), 6, spread=NOISE)
    found = compare_revisions(figures_of(report), {"def": ("def @ main", "def @ HEAD")}, "main", "HEAD")
    assert change(found) is Change.REGRESSION
    assert found.changed[0].diagnosis is not None


def test_unlike_facts_are_named_with_both_values() -> None:
    a, b = measured(500, 1).record, measured(500, 2).record
    assert differences(a, b) == ()
    other = replace(b, machine=b.machine | {"cpu": "another"}, scenario=changed(b.scenario, load={"users": 50}))
    assert [each.sentence for each in differences(a, other)] == [
        "machine cpu: a CPU in A, another in B",
        "load.users: 100 in A, 50 in B",
    ]


@pytest.mark.parametrize(
    ("machine", "refuses"),
    [
        ({"memory_bytes": 25276506112}, []),
        ({"memory_bytes": 8_000_000_000}, [True]),
        ({"memory_bytes": "not observable"}, [True]),
        ({"governor": "powersave", "turbo": "off"}, [False, False]),
        ({"cpu": "another", "turbo": "off"}, [True, False]),
        ({"kernel": "7.1"}, [True]),
    ],
)
def test_a_fact_that_differs_refuses_the_comparison_or_is_printed_or_is_no_difference(
    machine: dict[str, Any], refuses: list[bool]
) -> None:
    facts = {"cpu": "one", "memory_bytes": 25276510208, "kernel": "7.0", "governor": "performance", "turbo": "on"}
    a = replace(measured(500, 1).record, machine=facts)
    b = replace(a, machine=facts | machine)
    assert [each.refuses for each in differences(a, b)] == refuses
    assert len(refusals(a, b)) == sum(refuses)


def test_the_code_and_what_nobody_measures_may_differ() -> None:
    a = measured(500, 1).record
    b = replace(
        a,
        provenance={"git": {"/x": {"commit": "b" * 40, "dirty": True}}},
        machine=a.machine | {"load_average_1min": 3.0},
        scenario=changed(a.scenario, title="another", target={"app_dir": "elsewhere"}, baseline="other"),
    )
    assert differences(a, b) == ()
    assert code_of(b) == "bbbbbbbbbbbb + changes"
    unknown = {"git": {"/x": {"commit": "not observable: no repository"}}}
    assert code_of(replace(b, provenance=unknown)) == "not observable"


def test_a_variants_settings_are_found_by_its_name_not_its_place() -> None:
    a = measured(500, 1).record
    swapped = changed(a.scenario, variants=[each.model_dump() for each in a.scenario.variants[::-1]])
    assert differences(a, replace(a, scenario=swapped)) == ()


def test_unpaired_is_welchs_t() -> None:
    draw = np.random.default_rng(4)
    above, below = draw.normal(0.2, 0.05, 6), draw.normal(0.0, 0.15, 9)
    made = UnpairedEstimate(Estimate(tuple(above)), Estimate(tuple(below)))
    welch = stats.ttest_ind(above, below, equal_var=False)
    interval = made.interval()
    assert interval is not None
    assert [math.log(interval.low), math.log(interval.high)] == pytest.approx(list(welch.confidence_interval()))


def test_the_drift_widens_the_interval_on_both_sides() -> None:
    sides = Estimate((0.1, 0.2)), Estimate((0.0, 0.1))
    without, widened = UnpairedEstimate(*sides).interval(), UnpairedEstimate(*sides, drift=0.3).interval()
    assert without is not None
    assert widened is not None
    assert math.log(widened.high / without.high) == pytest.approx(0.3)
    assert math.log(without.low / widened.low) == pytest.approx(0.3)
