"""Which looks are skipped, from the answers counted at each waking."""

from itertools import accumulate

import pytest
from loopbench_probe.pace import MAX_SKIPPED, QUICK_ANSWERS, QUICK_WAKINGS, Pace


def skipped(answers: list[int | None]) -> list[bool]:
    """At wakings with so many answers so far."""
    pace = Pace()
    return [pace.skip(count) for count in answers]


def counts(*more: int) -> list[int | None]:
    """So many answers in each pause."""
    return list(accumulate(more, initial=0))


def test_a_loop_that_goes_on_answering_is_looked_at_seldom() -> None:
    told = skipped(counts(*[QUICK_ANSWERS] * (QUICK_WAKINGS + 2 * MAX_SKIPPED + 1)))
    assert told[: QUICK_WAKINGS + 1] == [False] * (QUICK_WAKINGS + 1)
    assert told[QUICK_WAKINGS + 1 :] == [True] * MAX_SKIPPED + [False] + [True] * MAX_SKIPPED


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(counts(*[0] * 12), id="one long step"),
        pytest.param(counts(*[QUICK_ANSWERS - 1] * 12), id="slow answers"),
        pytest.param(counts(*[30, 30, 30, 30, 0] * 3), id="quick for moments"),
        pytest.param([None] * 12, id="nobody counts"),
    ],
)
def test_a_loop_that_may_be_blocking_is_always_looked_at(answers: list[int | None]) -> None:
    assert not any(skipped(answers))


def test_answers_that_cease_bring_the_looks_back_at_once() -> None:
    told = skipped(counts(*[30] * (QUICK_WAKINGS + 2), 0, 0, 30, 30))
    assert told[QUICK_WAKINGS + 1 :] == [True, True, False, False, False, False]
