"""Five words, and what each of them takes."""

import math

import numpy as np
import pytest

from loopbench.judge.statistics.comparisons import Comparison, compare
from loopbench.judge.statistics.intervals import Estimate, Interval
from loopbench.judge.statistics.replicates import MissingRun
from loopbench.judge.statistics.verdict import Better, Quantity, Verdict, Word, decimals, judge
from tests.judge import simulate

GOODPUT = Quantity("goodput at 100 users", "1/s", Better.HIGHER)
P99 = Quantity("p99 of hello", "ms", Better.LOWER)


def comparison(ratio: float, spread: float, rounds: int = 8) -> Comparison:
    """Of exactly this ratio and this spread (an even number of rounds)."""
    swing = spread * math.sqrt((rounds - 1) / rounds)
    return Comparison("a", "b", Estimate(tuple(math.log(ratio) + swing * (-1) ** i for i in range(rounds))))


def verdict(one: Comparison, quantity: Quantity = GOODPUT) -> Verdict:
    return judge(quantity, [one])[0]


TABLE = (
    # ratio, spread, rounds, goodput says, p99 says
    (1.20, 0.05, 8, Word.FASTER, Word.SLOWER),
    (0.80, 0.05, 8, Word.SLOWER, Word.FASTER),
    (1.00, 0.05, 8, Word.EQUIVALENT, Word.EQUIVALENT),
    (1.00, 0.10, 8, Word.NOT_RESOLVED, Word.NOT_RESOLVED),
    (1.04, 0.05, 8, Word.NOT_RESOLVED, Word.NOT_RESOLVED),
    (1.00, 0.01, 4, Word.NOT_RESOLVED, Word.NOT_RESOLVED),  # too few rounds to call anything equivalent
    (1.50, 0.02, 4, Word.FASTER, Word.SLOWER),  # a difference needs no minimum: t is wide enough by itself
    (1.02, 0.01, 8, Word.FASTER, Word.SLOWER),  # real, though inside the margin
)


@pytest.mark.parametrize(("ratio", "spread", "rounds", "goodput", "p99"), TABLE)
def test_words(ratio: float, spread: float, rounds: int, goodput: Word, p99: Word) -> None:
    one = comparison(ratio, spread, rounds)
    assert (verdict(one).word, verdict(one, P99).word) == (goodput, p99)


def test_a_real_difference_inside_the_margin_is_called_small() -> None:
    assert "smaller than the 5 % that matter" in verdict(comparison(1.02, 0.01)).reason


def test_one_round_is_never_resolved() -> None:
    one = verdict(Comparison("a", "b", Estimate((1.0,))))
    assert one.word is Word.NOT_RESOLVED
    assert "no interval" in one.reason


def test_what_is_not_resolved_says_what_would_have_been_seen() -> None:
    one = verdict(comparison(1.0, 0.10))
    assert one.detectable is not None
    assert 0.10 < one.detectable < 0.15
    assert f"a difference of {100 * one.detectable:.0f} % or more would have been seen" in one.sentence


def test_no_common_round_is_invalid_and_says_which_run_is_missing() -> None:
    lost = MissingRun(3, "a", "failures 4 % (C2)")
    one = verdict(Comparison("a", "b", Estimate(()), (lost,)))
    assert one.word is Word.INVALID
    assert "a in round 3: failures 4 % (C2)" in one.reason


def test_an_invalid_variant_gets_no_figure_whatever_its_ratio() -> None:
    one = judge(GOODPUT, [comparison(1.5, 0.01)], invalid={"b": "wrong bodies (C3)"})[0]
    assert one.word is Word.INVALID
    assert "wrong bodies (C3)" in one.sentence
    assert "1.5" not in one.sentence


def test_a_difference_must_survive_all_pairs_judged_with_it() -> None:
    """Alone p = 0.03 is a difference; beside two others that show nothing it is none."""
    close, nothing = comparison(1.094, 0.09), comparison(1.0, 0.09)
    assert 0.02 < (close.estimate.p_value or 0) < 0.04
    assert verdict(close).word is Word.FASTER
    together = judge(GOODPUT, [close, nothing, nothing])[0]
    assert together.word is Word.NOT_RESOLVED
    assert "not once all pairs are counted" in together.reason


def test_a_pair_that_turned_out_invalid_still_counts_as_looked_at() -> None:
    close, lost = comparison(1.094, 0.09), Comparison("c", "b", Estimate(()))
    assert judge(GOODPUT, [close, lost, lost])[0].word is Word.NOT_RESOLVED


@pytest.mark.parametrize(
    ("interval", "places"),
    [(Interval(1.1, 1.3), 2), (Interval(0.98, 1.06), 2), (Interval(0.995, 1.005), 3), (Interval(2, 8), 0)],
)
def test_no_more_digits_than_the_interval_supports(interval: Interval, places: int) -> None:
    assert decimals(interval) == places


def test_the_sentence_carries_the_ratio_and_its_interval() -> None:
    assert verdict(comparison(1.2, 0.05)).sentence.startswith(
        "a is FASTER than b in goodput at 100 users: ratio 1.20 (95 % interval 1.15 to 1.25, 8 rounds); "
    )


def test_a_very_wide_interval_keeps_two_significant_digits() -> None:
    assert "ratio 1.0 (95 % interval 0.018 to 56, 2 rounds)" in verdict(comparison(1.0, 0.4472, 2)).sentence


def test_nothing_is_ever_called_the_same() -> None:
    sentences = [verdict(comparison(r, s, n), q).sentence for r, s, n, *_ in TABLE for q in (GOODPUT, P99)]
    assert not any("same" in sentence.lower() for sentence in (*sentences, *Word))


def simulated(rounds: int, spread: float, ratio: float, sessions: int) -> list[Word]:
    rng = np.random.default_rng(9)
    made = (
        simulate.session(rounds, simulate.white(spread), simulate.random_rounds, rng, ratio) for _ in range(sessions)
    )
    return [verdict(compare(one, "a", "b")).word for one in made]


def test_three_rounds_at_twenty_per_cent_noise_are_never_equivalent() -> None:
    """Without the minimum of five rounds a few of these agree by luck, and the interval believes them."""
    assert Word.EQUIVALENT not in simulated(3, 0.20, 1.0, sessions=4000)


def test_variants_that_differ_by_the_margin_are_called_equivalent_in_about_five_per_cent_at_most() -> None:
    words = simulated(12, 0.05, 1.05, sessions=1500)
    assert words.count(Word.EQUIVALENT) <= 0.065 * len(words)


def test_equal_variants_are_called_equivalent_when_the_machine_is_quiet() -> None:
    words = simulated(12, 0.03, 1.0, sessions=300)
    assert words.count(Word.EQUIVALENT) > 0.8 * len(words)
