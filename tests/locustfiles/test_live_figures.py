"""The rows of the tab, from known figures."""

import pytest

from loopbench.locustfiles.loop_now import MAX_LINES, AnswerCounts, LoopNow
from loopbench.records.probe_tail import LoopSecond, Place, TimeAt

LINE = Place("app/main.py", 7, "write", own=True)


def second(pid: int = 1, utilization: float | None = 0.5, **more: object) -> LoopSecond:
    known = LoopSecond(pid, 1.0, utilization, 3.0, 40.0, 1.0, 2.0, 6.0, ())
    return known._replace(**more)  # type: ignore[arg-type]


class Clock:
    """A clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_rates_are_differences_over_the_time_between() -> None:
    clock = Clock()
    counts = AnswerCounts(clock)
    counts.rates(100, 10)
    clock.now_s = 2.0
    assert counts.rates(300, 50) == (80.0, 20.0)


def test_the_first_reading_and_one_after_a_reset_give_no_rate() -> None:
    clock = Clock()
    counts = AnswerCounts(clock)
    assert counts.rates(100, 0) == (None, None)
    clock.now_s = 1.0
    assert counts.rates(20, 0) == (None, None)


def test_a_load_starts_counting_from_zero() -> None:
    """Locust has just reset its counts, however small they were."""
    clock = Clock()
    counts = AnswerCounts(clock)
    counts.rates(5, 0)
    counts.begin()
    clock.now_s = 1.0
    assert counts.rates(30, 0) == (30.0, 0.0)


def test_several_processes_show_the_busiest_loop_and_the_sum_of_the_pools() -> None:
    loop = LoopNow()
    loop.take([second(1, 0.2), second(2, 0.9)])
    utilization, borrowed, total, waiting, queue, threads, blocked = loop.figures()
    assert (utilization, borrowed, total, waiting, queue, threads, blocked) == (0.9, 6.0, 80.0, 2.0, 4.0, 12.0, 0.0)


def test_a_late_second_leaves_no_gap_and_a_missing_one_is_not_zero() -> None:
    loop = LoopNow()
    loop.take([second()])
    loop.take([])
    assert loop.figures()[0] == 0.5
    loop.take([])
    assert set(loop.figures()) == {None}
    assert loop.lines() == []


def test_a_sum_with_an_unmeasured_part_is_unknown() -> None:
    loop = LoopNow()
    loop.take([second(1), second(2, anyio_borrowed=None)])
    assert loop.figures()[1] is None


def test_the_blocked_share_is_at_most_one() -> None:
    loop = LoopNow()
    loop.take([second(lines=(TimeAt(LINE, 1.2, 0.0),))])
    assert loop.figures()[-1] == 1.0


def test_a_line_has_its_share_of_the_time_and_of_the_blocked_time() -> None:
    loop = LoopNow()
    loop.take([second(lines=(TimeAt(LINE, 0.4, 0.0), TimeAt(LINE, 0.0, 0.2)))])
    loop.take([second()])
    assert loop.lines() == [
        {"line": "app/main.py:7", "function": "write", "own": True, "share": 0.3, "blocked": 0.2},
    ]


def test_lines_older_than_ten_seconds_are_dropped() -> None:
    loop = LoopNow()
    loop.take([second(lines=(TimeAt(LINE, 0.5, 0.0),))])
    for _ in range(10):
        loop.take([second()])
    assert loop.lines() == []


@pytest.mark.parametrize(("share", "shown"), [(0.02, 1), (0.005, 0)])
def test_a_line_with_a_tiny_share_is_not_shown(share: float, shown: int) -> None:
    loop = LoopNow()
    loop.take([second(lines=(TimeAt(LINE, 0.0, share),))])
    assert len(loop.lines()) == shown


def test_the_longest_lines_come_first_up_to_the_limit() -> None:
    loop = LoopNow()
    loop.take([second(lines=tuple(TimeAt(LINE._replace(line=each), 0.0, each / 100) for each in range(1, 10)))])
    assert [line["line"] for line in loop.lines()] == [f"app/main.py:{each}" for each in range(9, 9 - MAX_LINES, -1)]
