"""The live view of a samples file while it grows."""

from itertools import accumulate

import pytest

from loopbench.records.tail import RPS_OVER_S, RecentAnswers


def test_bursts_of_answers_give_their_mean_rate() -> None:
    """Ten users that each wait a second: ten answers within some milliseconds, once a second."""
    recent = RecentAnswers()
    for second in range(12):
        recent.add(second + 0.003 * user for user in range(10))
    assert recent.rps == pytest.approx(10, rel=0.05)


def test_older_answers_do_not_count() -> None:
    recent = RecentAnswers()
    recent.add(accumulate([0.001] * 5000))
    recent.add(5 + 0.1 * number for number in range(1 + round(RPS_OVER_S / 0.1)))
    assert recent.rps == pytest.approx(10, rel=0.05)


def test_before_that_the_rate_is_since_the_first_answer() -> None:
    recent = RecentAnswers()
    recent.add([100.0, 100.5, 101.0])
    assert recent.rps == pytest.approx(2)


def test_one_answer_has_no_rate() -> None:
    recent = RecentAnswers()
    recent.add([])
    assert recent.rps == 0
    recent.add([3.0])
    assert recent.rps == 0
