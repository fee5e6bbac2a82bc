"""Claims are answered by intervals and receipts, and by nothing else."""

import dataclasses
import math
from typing import Any

import pytest

from loopbench.judge.rounds.claims import Answer, Receipt, answer_claims
from loopbench.judge.statistics.bounds import Count
from loopbench.judge.statistics.replicates import MissingRun, Replicates, RunFigure
from loopbench.scenario.claims import Claim

HIGHER = Claim(id="c", text="text", where="where", compare="goodput", a="a", b="b", expect="higher")
LOWER = HIGHER.model_copy(update={"expect": "lower"})
ABOUT = HIGHER.model_copy(update={"expect": "about"})
LOST = Claim(id="c", text="text", where="where", compare="receipt:lost", a="a", value=0.0, expect="higher")


def but(claim: Claim, **keys: Any) -> Claim:
    """The same claim with other keys."""
    return Claim(**(claim.model_dump() | keys))


YES, NO, OPEN = Answer.REPRODUCED, Answer.NOT_REPRODUCED, Answer.NOT_DECIDED
TIGHT = (0.99, 1.01, 1.0, 0.995, 1.005)
LOOSE = (0.6, 1.5, 0.9, 1.3, 1.0)


def rounds(ratio: float, noise: tuple[float, ...] = TIGHT) -> Replicates:
    """One round for each noise: b is 100, a the ratio times that, times the noise."""
    figures = [
        RunFigure(2 * number + index, number, variant, value)
        for number, each in enumerate(noise, 1)
        for index, (variant, value) in enumerate((("a", 100 * ratio * each), ("b", 100.0)))
    ]
    return Replicates(tuple(figures))


@pytest.mark.parametrize(
    ("claim", "ratio", "noise", "answer"),
    [
        (HIGHER, 2.0, TIGHT, YES),
        (HIGHER, 0.5, TIGHT, NO),
        (HIGHER, 1.0, TIGHT, NO),  # no difference that matters is no difference
        (HIGHER, 1.02, TIGHT, NO),  # not even one that is surely there
        (HIGHER, 1.0, TIGHT[:3], NO),  # however few the rounds: the interval counts them
        (HIGHER, 1.1, LOOSE, OPEN),
        (LOWER, 0.5, TIGHT, YES),
        (LOWER, 2.0, TIGHT, NO),
        (LOWER, 0.9, LOOSE, OPEN),
        (ABOUT, 1.0, TIGHT, YES),
        (ABOUT, 1.0, TIGHT[:4], YES),
        (ABOUT, 1.0, LOOSE, OPEN),
        (ABOUT, 1.5, TIGHT, NO),
        (but(ABOUT, ratio=2.5, within=0.1), 2.6, TIGHT, YES),
        (but(ABOUT, ratio=2.5, within=0.1), 3.0, TIGHT, NO),
        (but(HIGHER, ratio=2.0), 1.2, TIGHT, YES),  # the figure is only shown
        (but(HIGHER, ratio=2.0, within=0.0), 1.2, TIGHT, NO),  # the figure is claimed
        (but(HIGHER, ratio=2.0, within=0.0), 2.5, TIGHT, YES),
        (but(HIGHER, ratio=2.0, within=0.0), 2.0, TIGHT, OPEN),
        (but(LOWER, ratio=0.5, within=0.1), 0.5, TIGHT, YES),
        (but(LOWER, ratio=0.5, within=0.1), 0.7, TIGHT, NO),
    ],
)
def test_the_interval_against_the_claimed_region(
    claim: Claim, ratio: float, noise: tuple[float, ...], answer: Answer
) -> None:
    (judged,) = answer_claims([claim], {"goodput": rounds(ratio, noise)}, {})
    assert judged.answer is answer
    assert judged.measured == pytest.approx(ratio * math.prod(noise) ** (1 / len(noise)))
    assert judged.interval is not None


def test_a_claimed_figure_is_compared_with_the_variant_alone() -> None:
    claim = but(ABOUT, b=None, value=550.0, within=0.1)
    (judged,) = answer_claims([claim], {"goodput": rounds(5.5)}, {})
    assert (judged.answer, round(judged.measured or 0, 1)) == (YES, 1.0)
    assert judged.sentence.startswith("REPRODUCED: goodput of a over 550: 1.0")


def test_a_limit_that_is_kept_by_little_is_kept() -> None:
    claim = but(LOWER, b=None, value=100.0)
    (judged,) = answer_claims([claim], {"goodput": rounds(0.97)}, {})
    assert judged.answer is YES


@pytest.mark.parametrize(
    ("replicates", "reason"),
    [
        ({}, "no rounds were measured"),
        ({"p99": rounds(2.0)}, "no rounds were measured"),
        ({"goodput": rounds(2.0, (1.0,))}, "one round has no spread"),
        (
            {"goodput": Replicates((RunFigure(1, 1, "b", 5.0),), (MissingRun(1, "a", "it was INVALID"),))},
            "a: it was INVALID",
        ),
    ],
)
def test_too_little_is_not_decided_and_says_why(replicates: dict[str, Replicates], reason: str) -> None:
    (judged,) = answer_claims([HIGHER], replicates, {})
    assert (judged.answer, judged.interval) == (OPEN, None)
    assert reason in judged.sentence


@pytest.mark.parametrize(
    ("claim", "lost", "answer"),
    [
        (LOST, [12, 3], YES),
        (LOST, [0, 0], NO),
        (LOST, [12, 0], OPEN),
        (LOST, [], OPEN),
        (but(LOST, expect="about"), [0, 0], YES),
        (but(LOST, expect="about"), [0, 1], OPEN),
        (but(LOST, expect="about"), [2, 1], NO),
        (but(LOST, expect="about", value=10.0, within=0.2), [9, 11], YES),
        (but(LOST, expect="lower", value=10.0), [9, 2], YES),
        (but(LOST, expect="lower", value=10.0), [10, 10], NO),
        (but(LOST, expect="lower", value=10.0, within=0.0), [10, 10], YES),  # at most
        (but(LOST, value=10.0, ratio=2.0, within=0.0), [20, 21], YES),  # at least
    ],
)
def test_receipts_must_all_say_the_same(claim: Claim, lost: list[int], answer: Answer) -> None:
    (judged,) = answer_claims([claim], {}, {"a": [Receipt({"lost": each}) for each in lost]})
    assert judged.answer is answer


@pytest.mark.parametrize(
    ("a", "b", "answer"), [([5, 6], [1, 4], YES), ([1, 2], [2, 9], NO), ([3, 5], [4, 4], OPEN), ([3], [], OPEN)]
)
def test_two_variants_receipts_are_compared_run_by_run(a: list[int], b: list[int], answer: Answer) -> None:
    receipts = {"a": [Receipt({"lost": each}) for each in a], "b": [Receipt({"lost": each}) for each in b]}
    (judged,) = answer_claims([but(LOST, b="b", value=None)], {}, receipts)
    assert judged.answer is answer


def test_a_receipt_without_the_number_says_nothing() -> None:
    (judged,) = answer_claims([LOST], {}, {"a": [Receipt({"lost": "many"}), Receipt({"found": 3})]})
    assert (judged.answer, judged.measured) == (OPEN, None)
    assert "no receipt of a holds 'lost'" in judged.sentence


def silent(variant: str, seconds: float, figures: Replicates) -> Replicates:
    """The same rounds, but the first has not one event of this variant."""
    kept = [
        dataclasses.replace(each, value=None, bounds=Count(0, seconds))
        if (each.round, each.variant) == (1, variant)
        else dataclasses.replace(each, bounds=Count(round((each.value or 0.0) * seconds), seconds))
        for each in figures.figures
    ]
    return Replicates(tuple(kept))


def test_one_silent_round_widens_the_interval_over_all_of_them() -> None:
    """The same claim is reproduced where every round answers."""
    answering = rounds(1.5, (*TIGHT, 1.0))
    (as_ever,), (judged,) = (
        answer_claims([HIGHER], {"goodput": replicates}, {}) for replicates in (answering, silent("a", 6.0, answering))
    )
    assert (as_ever.answer, judged.answer) == (YES, OPEN)


def test_a_variant_that_never_answers_is_lower() -> None:
    never = tuple(RunFigure(number, number, "a", None, Count(0, 6.0)) for number in (1, 2))
    often = tuple(RunFigure(10 + number, number, "b", 80.0, Count(480, 6.0)) for number in (1, 2))
    (judged,) = answer_claims([LOWER], {"goodput": Replicates((*never, *often))}, {})
    assert (judged.answer, judged.measured) == (YES, 0.0)


@pytest.mark.parametrize(
    ("receipts", "answer", "said"),
    [
        (
            [Receipt({"lost": 3}), Receipt({"lost": 2}, ("G1",))],
            YES,
            "2 runs of a (1 INVALID by G1, which counts survive)",
        ),
        ([Receipt({"lost": 3}), Receipt({"lost": 0}, ("T1", "G1"))], YES, "lost was 3 in 1 run of a"),
        ([Receipt({"lost": 3}, ("C1",))], OPEN, "every run of a is INVALID by C1"),
        ([Receipt({"lost": 3}), Receipt({})], OPEN, "1 of 2 runs of a do not hold 'lost'"),
    ],
)
def test_a_receipt_is_evidence_unless_the_wrong_process_answered(
    receipts: list[Receipt], answer: Answer, said: str
) -> None:
    (judged,) = answer_claims([LOST], {}, {"a": receipts})
    assert judged.answer is answer
    assert said in judged.sentence


def test_a_small_ratio_is_no_zero() -> None:
    (judged,) = answer_claims([LOWER], {"goodput": rounds(0.0005, (40.0, 0.5, 1.0, 2.0, 0.2))}, {})
    assert " 0.0 " not in judged.sentence
    assert "0.00 " not in judged.sentence


def test_the_sentence_quotes_ratio_interval_and_published_figure() -> None:
    (judged,) = answer_claims([but(LOWER, ratio=0.37)], {"goodput": rounds(0.5)}, {})
    assert judged.sentence == (
        "REPRODUCED: goodput of a over that of b: 0.500 (95 % interval 0.495 to 0.505, published 0.37); it is below 1"
    )


@pytest.mark.parametrize(("ratio", "shown"), [(2.0, True), (0.5, False)])
def test_only_a_claim_that_is_not_reproduced_is_followed_by_its_explanation(ratio: float, shown: bool) -> None:
    (judged,) = answer_claims([but(LOWER, otherwise="A disk would do it.")], {"goodput": rounds(ratio)}, {})
    assert judged.reason.endswith(". A disk would do it") is shown
