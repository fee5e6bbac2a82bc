"""What a source claims beside what was measured: reproduced, in part, not, or not known."""

import pytest

from loopbench.judge.rounds.published import compare_with_published

ARTICLE = (("def", 550.0), ("blocking", 205.0), ("thread", 540.0))


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ((1100.0, 410.0, 1080.0), "This machine reproduces every published ratio to def within a factor of 1.25"),
        (
            (1100.0, 1300.0, 1080.0),
            "1 of 2 published ratios within a factor of 1.25 (one run each, so no interval): measured blocking 1.18",
        ),
        ((1100.0, 1300.0, 400.0), "reproduces none of 2 published ratios"),
        ((None, 410.0, 1080.0), "def has no measured plateau"),
        ((1100.0, None, None), "no other variant was measured beside def"),
        ((1100.0, None, 1080.0), "reproduces 1 of 2 published ratios"),
        ((1100.0, None, 1080.0), "not known of blocking."),
    ],
)
def test_the_sentence(measured: tuple[float | None, ...], words: str) -> None:
    figures = [(name, rps, own) for (name, rps), own in zip(ARTICLE, measured, strict=True)]
    published = compare_with_published("the article", figures)
    assert published is not None
    assert words in published.sentence


def test_ratios_are_to_the_first_claimed_variant() -> None:
    published = compare_with_published("s", [("other", None, 5.0), ("a", 100.0, 10.0), ("b", 50.0, 5.0)])
    assert published is not None
    assert [claim.variant for claim in published.claims] == ["a", "b"]
    assert published.claims[1].published_ratio == 0.5
    assert published.claims[1].measured_ratio == 0.5


def test_a_single_claim_has_no_ratio_and_nothing_is_said() -> None:
    assert compare_with_published("s", [("a", 100.0, 10.0), ("b", None, 5.0)]) is None


def test_with_rounds_the_ratios_are_the_paired_ones_and_the_sentence_says_so() -> None:
    figures = [("a", 100.0, 200.0), ("b", 50.0, 190.0)]
    published = compare_with_published("", figures, lambda name, _reference: 1.0 if name == "a" else 0.5)
    assert published is not None
    assert [claim.measured_ratio for claim in published.claims] == [1.0, 0.5]
    assert "paired inside rounds" in published.sentence
    assert "one run each" not in published.sentence
