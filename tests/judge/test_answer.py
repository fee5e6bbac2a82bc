"""The answer in a sentence: what it ranks, and what it does not."""

import pytest

from loopbench.judge.figures import MISSING, ratio, rounded
from loopbench.judge.summary.answer import answer, neighbour_answer, served_answer
from tests.plots.reports import FOUR, Made, session, twelve_variants


def test_variants_too_close_for_one_run_each_are_not_ranked() -> None:
    assert answer(session([Made("a", rps=500), Made("b", rps=410)])) == (
        "At 100 users a and b gave 410 to 500 good answers a second, too close to rank from one run each."
    )


def test_a_clear_difference_is_told_with_its_ratio() -> None:
    assert answer(session([Made("a", rps=500), Made("b", rps=200)])) == (
        "At 100 users a gave the most good answers, 500 a second. b gave 200 (0.40 times the most)."
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([Made("only", rps=123)], "At 100 users only gave 123 good answers a second."),
        ([Made("a"), Made("b", failed=True)], "At 100 users a gave the most good answers, 400 a second. b gave none."),
        ([Made("b", failed=True)], "At 100 users not one good answer came, under any variant."),
        ([Made("a"), Made("b", hold_s=0)], "At 100 users a gave 400 good answers a second. Not known at full load: b."),
    ],
)
def test_what_is_not_known_is_said(made: list[Made], sentence: str) -> None:
    assert answer(session(made)) == sentence


def test_without_a_hold_nothing_is_claimed() -> None:
    assert answer(session([Made("a", hold_s=0)])).startswith("No run held 100 users")


def test_without_a_run_there_is_no_answer() -> None:
    assert answer(session(missing=[made.name for made in FOUR])).startswith("No run is complete")


def test_many_variants_are_counted_rather_than_listed() -> None:
    assert answer(twelve_variants()).endswith("The other 9 gave 100 to 900.")


def test_the_neighbour_is_told_under_every_variant() -> None:
    assert neighbour_answer(session()) == (
        "Meanwhile 99 of 100 hello requests were answered within 51.2 ms under def, 57.6 ms under thread offload, "
        "96.0 ms under aiofiles and 192 ms under blocking async def."
    )
    assert neighbour_answer(session(neighbours=())) == ""


def test_users_never_served_are_named() -> None:
    assert served_answer(session()) == "Users who were never served at all: 31 of 100 under blocking async def."
    assert served_answer(session([Made("a")])) == "Every user was served."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1048.03, "1,050"), (12345.6, "12,300"), (9.996, "10.0"), (0.012345, "0.0123"), (99.96, "100"),
        (None, MISSING), (float("nan"), MISSING),
    ],
)  # fmt: skip
def test_figures_have_three_digits_that_count(value: float | None, text: str) -> None:
    assert rounded(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.00"), (0.373, "0.37"), (0.0833, "0.083"), (None, MISSING)])
def test_ratios_have_two_decimals(value: float | None, text: str) -> None:
    assert ratio(value) == text
