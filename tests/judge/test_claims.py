"""Claims are answered by intervals and receipts, and by nothing else."""

import dataclasses
import math

import pytest

from loopbench.judge.rounds.claims import Answer, Receipt, answer_claims
from loopbench.judge.statistics.replicates import MissingReason, MissingRun, Replicates, RunFigure
from loopbench.records.claims import RecordedClaim

HIGHER = RecordedClaim("c", "text", "where", "goodput", "a", "b", None, "higher", None, None)
LOWER = dataclasses.replace(HIGHER, expect="lower")
ABOUT = dataclasses.replace(HIGHER, expect="about")
LOST = RecordedClaim("c", "text", "where", "receipt:lost", "a", None, 0.0, "higher", None, None)

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
        (HIGHER, 1.0, TIGHT[:3], OPEN),  # which takes five rounds to say
        (HIGHER, 1.1, LOOSE, OPEN),
        (LOWER, 0.5, TIGHT, YES),
        (LOWER, 2.0, TIGHT, NO),
        (LOWER, 0.9, LOOSE, OPEN),
        (ABOUT, 1.0, TIGHT, YES),
        (ABOUT, 1.0, TIGHT[:4], OPEN),
        (ABOUT, 1.0, LOOSE, OPEN),
        (ABOUT, 1.5, TIGHT, NO),
        (dataclasses.replace(ABOUT, ratio=2.5, within=0.1), 2.6, TIGHT, YES),
        (dataclasses.replace(ABOUT, ratio=2.5, within=0.1), 3.0, TIGHT, NO),
        (dataclasses.replace(HIGHER, ratio=2.0), 1.2, TIGHT, YES),  # the figure is only shown
        (dataclasses.replace(HIGHER, ratio=2.0, within=0.0), 1.2, TIGHT, NO),  # the figure is claimed
        (dataclasses.replace(HIGHER, ratio=2.0, within=0.0), 2.5, TIGHT, YES),
        (dataclasses.replace(HIGHER, ratio=2.0, within=0.0), 2.0, TIGHT, OPEN),
        (dataclasses.replace(LOWER, ratio=0.5, within=0.1), 0.5, TIGHT, YES),
        (dataclasses.replace(LOWER, ratio=0.5, within=0.1), 0.7, TIGHT, NO),
    ],
)
def test_the_interval_against_the_claimed_region(
    claim: RecordedClaim, ratio: float, noise: tuple[float, ...], answer: Answer
) -> None:
    (judged,) = answer_claims([claim], {"goodput": rounds(ratio, noise)}, {})
    assert judged.answer is answer
    assert judged.measured == pytest.approx(ratio * math.prod(noise) ** (1 / len(noise)))
    assert judged.interval is not None


def test_a_claimed_figure_is_compared_with_the_variant_alone() -> None:
    claim = dataclasses.replace(ABOUT, b=None, value=550.0, within=0.1)
    (judged,) = answer_claims([claim], {"goodput": rounds(5.5)}, {})
    assert (judged.answer, round(judged.measured or 0, 1)) == (YES, 1.0)
    assert judged.sentence.startswith("REPRODUCED: goodput of a over 550: 1.0")


def test_a_limit_that_is_kept_by_little_is_kept() -> None:
    claim = dataclasses.replace(LOWER, b=None, value=100.0)
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
        (dataclasses.replace(LOST, expect="about"), [0, 0], YES),
        (dataclasses.replace(LOST, expect="about"), [0, 1], OPEN),
        (dataclasses.replace(LOST, expect="about"), [2, 1], NO),
        (dataclasses.replace(LOST, expect="about", value=10.0, within=0.2), [9, 11], YES),
        (dataclasses.replace(LOST, expect="lower", value=10.0), [9, 2], YES),
        (dataclasses.replace(LOST, expect="lower", value=10.0), [10, 10], NO),
        (dataclasses.replace(LOST, expect="lower", value=10.0, within=0.0), [10, 10], YES),  # at most
        (dataclasses.replace(LOST, value=10.0, ratio=2.0, within=0.0), [20, 21], YES),  # at least
    ],
)
def test_receipts_must_all_say_the_same(claim: RecordedClaim, lost: list[int], answer: Answer) -> None:
    (judged,) = answer_claims([claim], {}, {"a": [Receipt({"lost": each}) for each in lost]})
    assert judged.answer is answer


@pytest.mark.parametrize(
    ("a", "b", "answer"), [([5, 6], [1, 4], YES), ([1, 2], [2, 9], NO), ([3, 5], [4, 4], OPEN), ([3], [], OPEN)]
)
def test_two_variants_receipts_are_compared_run_by_run(a: list[int], b: list[int], answer: Answer) -> None:
    receipts = {"a": [Receipt({"lost": each}) for each in a], "b": [Receipt({"lost": each}) for each in b]}
    (judged,) = answer_claims([dataclasses.replace(LOST, b="b", value=None)], {}, receipts)
    assert judged.answer is answer


def test_a_receipt_without_the_number_says_nothing() -> None:
    (judged,) = answer_claims([LOST], {}, {"a": [Receipt({"lost": "many"}), Receipt({"found": 3})]})
    assert (judged.answer, judged.measured) == (OPEN, None)
    assert "no receipt of a holds 'lost'" in judged.sentence


def gap(variant: str, kind: MissingReason, figures: Replicates) -> Replicates:
    """The same rounds, but the first has no figure of this variant."""
    kept = tuple(each for each in figures.figures if (each.round, each.variant) != (1, variant))
    return Replicates(kept, (MissingRun(1, variant, "so it is", kind),))


@pytest.mark.parametrize(
    ("claim", "ratio", "variant", "kind", "answer"),
    [
        (HIGHER, 2.0, "a", MissingReason.EXCLUDED, YES),
        (HIGHER, 2.0, "a", MissingReason.UNKNOWN, OPEN),
        (HIGHER, 2.0, "a", MissingReason.CENSORED, YES),  # it would have been higher still
        (HIGHER, 2.0, "b", MissingReason.CENSORED, OPEN),
        (LOWER, 0.5, "a", MissingReason.CENSORED, OPEN),
        (LOWER, 0.5, "b", MissingReason.CENSORED, YES),
        (HIGHER, 0.5, "a", MissingReason.CENSORED, OPEN),
        (HIGHER, 0.5, "b", MissingReason.CENSORED, NO),
        (ABOUT, 1.5, "a", MissingReason.CENSORED, OPEN),
    ],
)
def test_a_round_without_a_figure_opens_every_answer_that_it_could_have_changed(
    claim: RecordedClaim, ratio: float, variant: str, kind: MissingReason, answer: Answer
) -> None:
    noise = (*TIGHT, 1.0)
    (judged,) = answer_claims([claim], {"goodput": gap(variant, kind, rounds(ratio, noise))}, {})
    assert judged.answer is answer
    assert "so it is" in judged.reason


@pytest.mark.parametrize(
    ("receipts", "answer", "said"),
    [
        (
            [Receipt({"lost": 3}), Receipt({"lost": 2}, ("C2",))],
            YES,
            "2 runs of a (1 INVALID by C2, which counts survive)",
        ),
        ([Receipt({"lost": 3}), Receipt({"lost": 0}, ("T1", "C2"))], YES, "lost was 3 in 1 run of a"),
        ([Receipt({"lost": 3}, ("C3",))], OPEN, "every run of a is INVALID by C3"),
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
    (judged,) = answer_claims([dataclasses.replace(LOWER, ratio=0.37)], {"goodput": rounds(0.5)}, {})
    assert judged.sentence == (
        "REPRODUCED: goodput of a over that of b: 0.500 (95 % interval 0.495 to 0.505, published 0.37); it is below 1"
    )
