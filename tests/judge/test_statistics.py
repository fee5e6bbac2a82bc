"""Paired comparisons: what they accept, what they compute, and how often they are right."""

import math

import numpy as np
import pytest

from loopbench.judge.statistics.comparisons import (
    Comparison,
    compare,
    estimate,
    half_width,
    rounds_needed,
    rounds_still_needed,
)
from loopbench.judge.statistics.decision import NO_DIFFERENCE, Decision, Region, decide
from loopbench.judge.statistics.intervals import Estimate, Interval
from loopbench.judge.statistics.percentiles import percentile, samples_needed
from loopbench.judge.statistics.replicates import MissingRun, NotReplicatesError, Replicates, RunFigure
from tests.judge import simulate

PAIRED = ((100.0, 50.0), (120.0, 61.0), (90.0, 44.0), (110.0, 56.0), (105.0, 50.0))


def replicates(*rounds: tuple[float, float]) -> Replicates:
    figures = [
        RunFigure(2 * number + place, number, "ab"[place], value)
        for number, pair in enumerate(rounds)
        for place, value in enumerate(pair)
    ]
    return Replicates(tuple(figures))


def test_a_missing_run_with_its_reason_drops_its_round_from_its_own_comparisons_only() -> None:
    figures = [RunFigure(3 * r + i, r, v, 10.0 + r + i) for r in range(3) for i, v in enumerate("abc")]
    lost = MissingRun(1, "b", "INVALID twice (M2)")
    kept = Replicates(tuple(f for f in figures if (f.round, f.variant) != (1, "b")), (lost,))
    assert (compare(kept, "a", "b").rounds, compare(kept, "a", "b").missing) == (2, (lost,))
    assert (compare(kept, "a", "c").rounds, compare(kept, "a", "c").missing) == (3, ())


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(NotReplicatesError, match="'z' is in no round"):
        compare(replicates(*PAIRED), "a", "z")


def test_the_ratio_and_its_interval_follow_the_formula() -> None:
    """By hand: d = ln(a/b), exp(mean d -+ t(0.975, 4) s / sqrt(5)) with t = 2.776445."""
    d = np.log([a / b for a, b in PAIRED])
    reach = 2.7764451 * d.std(ddof=1) / math.sqrt(5)
    comparison = compare(replicates(*PAIRED), "a", "b")
    interval = comparison.interval()
    assert interval is not None
    assert comparison.ratio == pytest.approx(math.exp(d.mean()))
    assert (interval.low, interval.high) == pytest.approx((math.exp(d.mean() - reach), math.exp(d.mean() + reach)))
    assert comparison.half_width == pytest.approx(math.expm1(reach))


def test_swapping_the_variants_turns_the_ratio_over() -> None:
    there, back = compare(replicates(*PAIRED), "a", "b"), compare(replicates(*PAIRED), "b", "a")
    one, other = there.interval(), back.interval()
    assert one is not None
    assert other is not None
    assert (one.low, one.high) == pytest.approx((1 / other.high, 1 / other.low))


def test_one_round_has_a_ratio_but_no_interval() -> None:
    comparison = compare(replicates((3.0, 2.0)), "a", "b")
    assert comparison.ratio == pytest.approx(1.5)
    assert (comparison.interval(), comparison.half_width, comparison.detectable()) == (None, None, None)


def test_a_variants_own_estimate_is_the_geometric_mean_of_its_runs() -> None:
    own = estimate(replicates((1.0, 5.0), (4.0, 5.0), (2.0, 5.0)), "a")
    assert own.value == pytest.approx(2.0)
    assert own.count == 3


@pytest.mark.parametrize(("spread", "rounds"), [(0.03, 4), (0.05, 7), (0.08, 13)])
def test_rounds_needed_for_five_per_cent(spread: float, rounds: int) -> None:
    assert rounds_needed(spread, 0.05) == rounds


@pytest.mark.parametrize("spread", [0.001, 0.02, 0.1, 0.4])
def test_rounds_needed_are_the_fewest(spread: float) -> None:
    rounds = rounds_needed(spread, 0.05)
    assert half_width(spread, rounds) <= 0.05
    assert rounds == 2 or half_width(spread, rounds - 1) > 0.05


def test_an_impossible_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        rounds_needed(0.05, 0)


def comparison_of(*logs: float) -> Comparison:
    return Comparison("a", "b", Estimate(logs))


def test_a_session_goes_on_until_its_least_precise_comparison_is_precise() -> None:
    narrow, wide = comparison_of(*[0.0, 0.001] * 3), comparison_of(*[0.0, 0.1] * 3)
    needed = wide.rounds_needed(0.05)
    assert needed is not None
    assert rounds_still_needed((narrow,), 0.05) == 0
    assert rounds_still_needed((narrow, wide), 0.05) == needed - 6 > 0


def test_a_session_takes_five_rounds_even_when_they_agree() -> None:
    assert rounds_still_needed((comparison_of(0.0, 0.0001),), 0.05) == 3


def test_one_round_cannot_say_how_many_are_left() -> None:
    assert rounds_still_needed((comparison_of(0.1),), 0.05) is None


def test_the_smallest_detectable_difference_is_detected_four_times_in_five() -> None:
    """Variants that differ by exactly what is claimed detectable: the power must be near 80 %."""
    rng = np.random.default_rng(20)
    rounds, spread = 8, 0.06
    claimed = math.log1p(comparison_of(*spread * np.array([-1, 1] * 4) * math.sqrt(7 / 8)).detectable() or 0)
    found = [_excludes_one(comparison_of(*rng.normal(claimed, spread, rounds))) for _ in range(2000)]
    assert 0.76 < np.mean(found) < 0.84


@pytest.mark.parametrize(("quantile", "needed"), [(0.95, 72), (0.99, 368), (0.999, 3688)])
def test_a_percentile_takes_enough_samples_to_bound_it(quantile: float, needed: int) -> None:
    values = np.arange(needed, dtype=float)
    assert samples_needed(quantile) == needed
    assert percentile(values[1:], quantile) is None
    assert percentile(values, quantile) == math.ceil(quantile * needed) - 1


def test_an_unanswered_request_is_slower_than_every_answered_one() -> None:
    assert percentile([0.1] * 90 + [math.inf] * 10, 0.95) == math.inf


@pytest.mark.parametrize(
    ("region", "decision"),
    [
        (Region(1.0, 1.0), Decision.OPEN),
        (Region(0.96, 0.96), Decision.OUTSIDE),
        (Region(0.95, 1.05), Decision.INSIDE),
        (Region(0.97, 1.02), Decision.INSIDE),
        (Region(0.98, 1.05), Decision.OPEN),
        (Region(1.02, 1.05), Decision.OPEN),
        (Region.above(1.02), Decision.OUTSIDE),
        (Region.above(0.97), Decision.OPEN),
        (Region(high=0.9), Decision.OUTSIDE),
        (Region(), Decision.INSIDE),
    ],
)
def test_an_interval_is_decided_against_a_region(region: Region, decision: Decision) -> None:
    assert decide(Interval(0.97, 1.02), region) is decision


def _excludes_one(comparison: Comparison) -> bool:
    interval = comparison.interval()
    assert interval is not None
    return decide(interval, NO_DIFFERENCE) is Decision.OUTSIDE


def false_difference_rate(noise: simulate.Noise, order: simulate.Order, rounds: int, sessions: int = 1500) -> float:
    """How often two equal variants are called different at a nominal 5 %."""
    rng = np.random.default_rng(4)
    made = (compare(simulate.session(rounds, noise, order, rng), "a", "b") for _ in range(sessions))
    return float(np.mean([_excludes_one(comparison) for comparison in made]))


@pytest.mark.parametrize("rounds", [5, 8, 12])
def test_the_interval_covers_the_truth_as_often_as_it_says(rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    made = (simulate.session(rounds, simulate.white(0.07), simulate.random_rounds, rng, 1.3) for _ in range(2000))
    covered = np.mean([_covers(compare(one, "a", "b"), 1.3) for one in made])
    assert 0.93 <= covered <= 0.97


DISTURBANCES = {
    "10 % drift": simulate.drift(0.10),
    "one 15 % step": simulate.step(0.15),
    "AR(0.9)": simulate.autoregressive(0.9),
}


@pytest.mark.parametrize("noise", DISTURBANCES.values(), ids=DISTURBANCES)
def test_random_rounds_tell_equal_variants_apart_in_at_most_six_per_cent(noise: simulate.Noise) -> None:
    assert false_difference_rate(noise, simulate.random_rounds, rounds=8) <= 0.06


PROCESS_SPREAD = 0.03


@pytest.mark.parametrize("noise", DISTURBANCES.values(), ids=DISTURBANCES)
def test_generations_cover_the_truth_where_processes_differ_and_slices_do_not(noise: simulate.Noise) -> None:
    """An interval over slices leaves out what differs between two processes of one program.

    Variants whose true ratio is 1.3 are called different from 1.3 as often as equal ones from 1: at most six times in
    a hundred. The logarithms differ by a constant only, so one simulation shows both.
    """
    rng = np.random.default_rng(7)
    sessions = [simulate.generations(8, 6, noise, PROCESS_SPREAD, rng, ratio=1.3) for _ in range(2000)]
    by_process = [compare(simulate.by_process(each), "a", "b") for each in sessions]
    by_slice = [compare(simulate.by_slice(each), "a", "b") for each in sessions[:500]]
    assert 0.93 <= np.mean([_covers(each, 1.3) for each in by_process]) <= 0.97
    assert np.mean([_covers(each, 1.3) for each in by_slice]) < 0.80
    assert np.mean([_excludes_one(_divided(each, 1.3)) for each in by_process]) <= 0.06


def _divided(comparison: Comparison, ratio: float) -> Comparison:
    """The comparison as it would be if variant a were slower by this ratio."""
    assert isinstance(comparison.estimate, Estimate)
    return comparison_of(*(log - math.log(ratio) for log in comparison.estimate.logs))


def _covers(comparison: Comparison, ratio: float) -> bool:
    interval = comparison.interval()
    return interval is not None and interval.low <= ratio <= interval.high


@pytest.mark.parametrize("noise", DISTURBANCES.values(), ids=DISTURBANCES)
def test_one_after_the_other_fails_where_random_rounds_pass(noise: simulate.Noise) -> None:
    """The same analysis on AAABBB order: what the rounds are for."""
    assert false_difference_rate(noise, simulate.one_after_the_other, rounds=8, sessions=500) > 0.3
