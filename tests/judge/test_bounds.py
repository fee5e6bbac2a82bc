"""Bounds from counts and from waiting requests: exact where the arithmetic is, and honest where runs differ."""

import math

import numpy as np
import pytest

from loopbench.judge.statistics.bounds import (
    BoundedRatio,
    Count,
    Ends,
    QuantileEstimate,
    RateEstimate,
    quantile_ends,
    unpaired,
)
from loopbench.judge.statistics.comparisons import Comparison, compare
from loopbench.judge.statistics.intervals import Estimate, Interval, UnpairedEstimate
from loopbench.judge.statistics.replicates import MissingRun, Replicates, RunFigure
from loopbench.judge.statistics.verdict import Better, Quantity, Verdict, Word, judge, times
from tests.judge import simulate

GOODPUT = Quantity("goodput at 100 users", "1/s", Better.HIGHER)
P99 = Quantity("the p99 of hello beside it", "ms", Better.LOWER)
OFTEN = Estimate((math.log(80.0), math.log(80.1)))


def verdict(above: object, below: object, quantity: Quantity = GOODPUT) -> Verdict:
    """On `a`, seen from `b`."""
    return judge(quantity, [Comparison("a", "b", BoundedRatio(above, below))])[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.63)]
)
def test_a_count_bounds_its_rate_as_garwood_s_table_does(events: int, low: float, high: float) -> None:
    interval = RateEstimate((Count(events, 1.0),)).interval()
    assert interval is not None
    assert interval[:2] == pytest.approx((low, high), rel=1e-3)


def test_the_counts_of_all_runs_count_together() -> None:
    one, four = RateEstimate((Count(12, 6.0),)), RateEstimate((Count(3, 1.5),) * 4)
    assert (four.value, four.interval()) == (one.value, one.interval())


def test_runs_that_differ_more_than_chance_are_worth_fewer_events() -> None:
    alike, unlike = (RateEstimate(tuple(Count(k, 6.0) for k in counts)).interval() for counts in ([48, 48], [96, 0]))
    assert alike is not None
    assert unlike is not None
    assert unlike.high > 2 * alike.high


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("answers", [0, 1, 2, 5, 10, 20])
def test_the_bound_holds_in_at_least_95_of_100_trials(answers: float, rounds: int) -> None:
    assert simulate.bound_coverage(answers, rounds, trials=400) >= 0.95


@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_it_still_holds_where_the_rates_of_runs_differ(noise: float) -> None:
    assert simulate.bound_coverage(20, 5, trials=400, noise=noise) >= 0.95


def test_few_answers_against_many_are_slower_by_at_most_a_bound_that_holds_the_truth() -> None:
    found = verdict(RateEstimate((Count(12, 6.0),) * 2), OFTEN)
    interval = found.comparison.interval()
    assert found.word is Word.SLOWER
    assert interval is not None
    assert interval.low < 1 / 40 < interval.high < 0.05
    assert found.sentence == (
        "a is SLOWER than b in goodput at 100 users: at most 0.04 times (2 answers/s against 80); "
        "bounds from all answers of 2 rounds together"
    )


def test_no_answer_at_all_is_a_figure() -> None:
    found = verdict(RateEstimate((Count(0, 6.0),) * 2), OFTEN)
    assert (found.word, found.comparison.ratio) == (Word.SLOWER, 0.0)
    assert "(0 answers/s against 80)" in found.sentence


def test_the_same_from_the_other_side_is_faster_by_at_least_a_bound() -> None:
    found = verdict(OFTEN, RateEstimate((Count(12, 6.0),) * 2))
    assert (found.word, found.swapped.word) == (Word.FASTER, Word.SLOWER)
    assert found.numbers.startswith("at least 25 times (80 answers/s against 2)")
    assert found.swapped.numbers.startswith("at most 0.04 times (2 answers/s against 80)")


def test_two_variants_of_few_answers_are_not_resolved() -> None:
    found = verdict(RateEstimate((Count(10, 6.0),)), RateEstimate((Count(14, 6.0),)))
    assert (found.word, found.reason) == (Word.NOT_RESOLVED, "too few answers to tell")
    assert verdict(RateEstimate((Count(0, 6.0),)), RateEstimate((Count(0, 6.0),))).word is Word.NOT_RESOLVED


def test_a_ratio_of_which_nothing_is_known_is_said_to_be_unknown() -> None:
    nothing = RateEstimate((Count(0, 6.0),))
    assert verdict(nothing, nothing).bound == "the ratio is not known (0 answers/s against 0)"
    assert times(Interval(2.2e-09, 82_086.0)) == "an unknown number of times"
    assert times(Interval(0.5, 82_086.0)) == "0.5 to 82,086 times"


def test_a_bounded_difference_must_survive_all_pairs_judged_with_it() -> None:
    close = Comparison("a", "b", BoundedRatio(RateEstimate((Count(60, 6.0),)), RateEstimate((Count(97, 6.0),) * 2)))
    assert judge(GOODPUT, [close])[0].word is Word.SLOWER
    assert judge(GOODPUT, [close] * 6)[0].word is Word.NOT_RESOLVED


def test_a_variant_that_answers_enough_in_every_round_is_paired_as_ever() -> None:
    figures = tuple(
        RunFigure(10 * number + index, number, name, rate, Count(int(6 * rate), 6.0))
        for number, noise in enumerate((1.0, 1.1), 1)
        for index, (name, rate) in enumerate((("a", 80 * noise), ("b", 40 * noise)))
    )
    assert isinstance(compare(Replicates(figures), "a", "b").estimate, Estimate)
    silent = (RunFigure(31, 1, "c", None, Count(3, 6.0)), RunFigure(32, 2, "c", None, Count(4, 6.0)))
    assert compare(Replicates((*figures, *silent)), "c", "a").is_bounded


def test_a_single_run_of_the_other_variant_is_enough_where_the_difference_is_large() -> None:
    """Its count bounds it, with an allowance for what other runs would have shown."""
    silent = tuple(RunFigure(number, number, "a", None, Count(0, 6.0)) for number in (1, 2))
    figures = Replicates((*silent, RunFigure(3, 1, "b", 80.0, Count(480, 6.0))), (MissingRun(2, "b", "INVALID by M5"),))
    found = judge(GOODPUT, [compare(figures, "a", "b")])[0]
    assert found.word is Word.SLOWER
    assert found.comparison.estimate.allowance > 0


def test_sessions_are_compared_by_welch_s_t_where_both_are_estimates() -> None:
    assert isinstance(unpaired(OFTEN, OFTEN), UnpairedEstimate)
    few = unpaired(RateEstimate((Count(12, 6.0),)), OFTEN)
    wider = unpaired(RateEstimate((Count(12, 6.0),)), OFTEN, drift=0.1)
    assert (few.half_width or 0) < (wider.half_width or 0)


def test_a_quantile_lies_between_order_statistics() -> None:
    values = np.arange(1.0, 1001.0)
    assert quantile_ends(values, values, 0.5) == Ends(469.0, 532.0)
    few = values[:100]
    assert quantile_ends(few, few, 0.99) == Ends(97.0, math.inf)


def test_a_request_without_an_answer_counts_as_long_as_it_waited_and_without_end() -> None:
    waited = np.array([9.0] * 50)
    ends = quantile_ends(waited, np.full(50, math.inf), 0.99)
    assert ends == Ends(9.0, math.inf)


def test_a_p99_without_an_end_is_slower_by_at_least_what_was_waited() -> None:
    endless = QuantileEstimate((Ends(20_000.0, math.inf), Ends(20_500.0, math.inf)))
    found = verdict(endless, Estimate((math.log(12.0), math.log(12.1))), P99)
    assert found.word is Word.SLOWER
    assert found.numbers.startswith("at least 1,")
    assert "ms against 12" in found.numbers


def test_one_round_of_a_quantile_has_no_interval() -> None:
    assert QuantileEstimate((Ends(9.0, math.inf),)).interval() is None
