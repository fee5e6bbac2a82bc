"""The skipped looks, from the number of answers at each waking."""

from itertools import accumulate

import pytest
from loopbench_probe.watching import MAX_SKIPPED, QUICK_ANSWERS, QUICK_WAKINGS, Pace


def skipped(answers: list[int | None]) -> list[bool]:
    """Return whether each waking with so many answers so far skips its look."""
    pace = Pace()
    return [pace.skip(count) for count in answers]


def counts(*more: int) -> list[int | None]:
    """Return the running totals of answers, given the number in each pause."""
    return list(accumulate(more, initial=0))


def test_most_looks_at_a_quickly_answering_loop_are_skipped() -> None:
    skips = skipped(counts(*[QUICK_ANSWERS] * (QUICK_WAKINGS + 2 * MAX_SKIPPED + 1)))
    assert skips[: QUICK_WAKINGS + 1] == [False] * (QUICK_WAKINGS + 1)
    assert skips[QUICK_WAKINGS + 1 :] == [True] * MAX_SKIPPED + [False] + [True] * MAX_SKIPPED


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(counts(*[0] * 12), id="one long step"),
        pytest.param(counts(*[QUICK_ANSWERS - 1] * 12), id="slow answers"),
        pytest.param(counts(*[30, 30, 30, 30, 0] * 3), id="quick for moments"),
        pytest.param([None] * 12, id="nobody counts"),
    ],
)
def test_no_look_at_a_possibly_blocked_loop_is_skipped(answers: list[int | None]) -> None:
    assert not any(skipped(answers))


def test_looks_resume_at_once_when_answers_stop() -> None:
    skips = skipped(counts(*[30] * (QUICK_WAKINGS + 2), 0, 0, 30, 30))
    assert skips[QUICK_WAKINGS + 1 :] == [True, True, False, False, False, False]
