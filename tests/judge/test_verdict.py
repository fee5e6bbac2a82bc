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
    (1.00, 0.01, 4, Word.EQUIVALENT, Word.EQUIVALENT),  # no word needs a minimum: t is wide enough by itself
    (1.50, 0.02, 4, Word.FASTER, Word.SLOWER),
    (1.02, 0.01, 8, Word.EQUIVALENT, Word.EQUIVALENT),  # real, but inside the margin
    (1.02, 0.0005, 4, Word.EQUIVALENT, Word.EQUIVALENT),
)


@pytest.mark.parametrize(("ratio", "spread", "rounds", "goodput", "p99"), TABLE)
def test_words(ratio: float, spread: float, rounds: int, goodput: Word, p99: Word) -> None:
    one = comparison(ratio, spread, rounds)
    assert (verdict(one).word, verdict(one, P99).word) == (goodput, p99)


def test_a_real_difference_inside_the_margin_is_none_that_matters() -> None:
    assert "lies within 5 % either way" in verdict(comparison(1.02, 0.01)).reason


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


def test_a_difference_must_survive_all_pairs_judged_with_it_and_so_must_the_interval_beside_it() -> None:
    """Alone the interval excludes 1; beside two others it is wider, and contains 1."""
    close, nothing = comparison(1.094, 0.09), comparison(1.0, 0.09)
    assert verdict(close).word is Word.FASTER
    together = judge(GOODPUT, [close, nothing, nothing])[0]
    assert together.word is Word.NOT_RESOLVED
    assert together.shown_interval is not None
    assert together.shown_interval[0] < 1 < together.shown_interval[1]


@pytest.mark.parametrize("pairs", [1, 3, 6])
@pytest.mark.parametrize("rounds", [2, 3, 8])
def test_the_shown_interval_alone_gives_the_word(pairs: int, rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    for ratio in rng.normal(0, 0.1, 40):
        logs = [tuple(rng.normal(ratio, spread, rounds)) for spread in rng.uniform(0.001, 0.08, pairs)]
        for one in judge(GOODPUT, [Comparison("a", "b", Estimate(each)) for each in logs]):
            assert one.shown_interval is not None
            low, high = one.shown_interval
            inside, beside = low >= 1 / 1.05 and high <= 1.05, not low <= 1 <= high
            faster = Word.FASTER if low > 1 else Word.SLOWER
            assert one.word is (Word.EQUIVALENT if inside else faster if beside else Word.NOT_RESOLVED)


@pytest.mark.parametrize("rounds", [3, 8])
def test_the_intervals_of_three_pairs_hold_together_in_95_per_cent_of_the_sessions(rounds: int) -> None:
    held = simulate.held_together(rounds, 3, trials=1000)
    assert 0.935 <= held <= 0.985


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


@pytest.mark.parametrize("rounds", [2, 3, 5, 12])
def test_variants_that_differ_by_the_margin_are_rarely_called_equivalent(rounds: int) -> None:
    words = simulated(rounds, 0.03, 1.05, sessions=1500)
    assert words.count(Word.EQUIVALENT) <= 0.035 * len(words)


def test_equal_variants_are_called_equivalent_when_the_machine_is_quiet() -> None:
    words = simulated(12, 0.03, 1.0, sessions=300)
    assert words.count(Word.EQUIVALENT) > 0.8 * len(words)


def test_a_verdict_seen_from_the_other_side_has_the_inverse_ratio_and_word() -> None:
    one = verdict(comparison(1.25, 0.05))
    other = one.swapped
    assert (one.word, other.word) == (Word.FASTER, Word.SLOWER)
    assert (other.comparison.a, other.comparison.b) == ("b", "a")
    assert other.shown_ratio == pytest.approx(1 / 1.25)
    assert one.shown_interval is not None
    assert other.shown_interval == pytest.approx([1 / end for end in reversed(one.shown_interval)])
