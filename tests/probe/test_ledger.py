"""Time per line, from looks whose times are given: no clock, no threads."""

import pytest
from loopbench_probe.ledger import Ledger, Lines, Look, Spent
from loopbench_probe.places import Place

LIMIT_S, LATE_S = 0.010, 0.020
SLEEP = Place("app.py", 10, "handler", "app.py", 10, "handler")
WRITE = Place("app.py", 11, "handler", "transport.py", 5, "write")


def look(time_ms: float, idle_ms: float | None, iteration: int, place: Place | None, task: str = "t1") -> Look:
    idle_s = None if idle_ms is None else idle_ms / 1000
    return Look(time_ms / 1000, idle_s, iteration, task if place else None, place)


def told(*looks: Look) -> Lines:
    ledger = Ledger(LIMIT_S, LATE_S)
    for each in looks:
        ledger.add(each)
    return ledger.take()


def milliseconds(lines: dict[Place, Spent]) -> dict[Place, float]:
    return {place: round(spent.seconds * 1000, 6) for place, spent in lines.items()}


def test_a_block_between_two_waits_counts_from_its_beginning_to_its_end() -> None:
    lines = told(look(0, 0, 1, None), look(5, 3, 1, SLEEP), look(10, 3, 1, SLEEP), look(15, 4, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 11.0}
    assert lines.busy == {}


def test_a_step_shorter_than_the_limit_is_busy_and_blames_nobody() -> None:
    lines = told(look(0, 0, 1, None), look(5, 3, 1, SLEEP), look(10, 4, 2, None))
    assert milliseconds(lines.busy) == {SLEEP: 6.0}
    assert lines.blocked == {}


def test_many_short_steps_of_one_line_do_not_add_up_to_a_block() -> None:
    looks = [look(5.0 * n, 0, n, SLEEP, task=f"t{n}") for n in range(8)] + [look(40, 0, 9, None)]
    lines = told(*looks)
    assert lines.blocked == {}
    assert milliseconds(lines.busy) == {SLEEP: 40.0}


def test_two_tasks_of_one_iteration_are_two_steps() -> None:
    lines = told(look(0, 0, 1, SLEEP, "a"), look(6, 0, 1, SLEEP, "a"), look(12, 0, 1, SLEEP, "b"), look(18, 0, 2, None))
    assert lines.blocked == {}


def test_time_between_two_lines_of_a_step_is_halved() -> None:
    lines = told(look(0, 0, 1, SLEEP), look(10, 0, 1, WRITE), look(20, 0, 1, WRITE), look(20, 0, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 5.0, WRITE: 15.0}


def test_a_watcher_kept_waiting_blames_what_it_finds_on_waking() -> None:
    """A call that holds the GIL is seen only when it is over; then all of the long interval is its own."""
    lines = told(look(0, 0, 1, WRITE), look(60, 0, 1, SLEEP), look(65, 5, 2, None))
    assert milliseconds(lines.blocked) == {WRITE: 0.0, SLEEP: 60.0}


def test_a_block_that_goes_on_is_told_every_second() -> None:
    ledger = Ledger(LIMIT_S, LATE_S)
    for n in range(4):
        ledger.add(look(5.0 * n, 0, 1, SLEEP))
    assert milliseconds(ledger.take().blocked) == {SLEEP: 15.0}
    ledger.add(look(20, 0, 1, SLEEP))
    assert milliseconds(ledger.take().blocked) == {SLEEP: 5.0}


def test_a_step_still_below_the_limit_waits_for_the_next_second() -> None:
    ledger = Ledger(LIMIT_S, LATE_S)
    ledger.add(look(0, 0, 1, None))
    ledger.add(look(5, 0, 1, SLEEP))
    first = ledger.take()
    ledger.add(look(12, 0, 1, SLEEP))
    assert (first.blocked, first.busy) == ({}, {})
    assert milliseconds(ledger.take().blocked) == {SLEEP: 12.0}


def test_a_block_nobody_could_look_at_is_told_without_a_line() -> None:
    lines = told(look(0, 0, 1, None), look(30, 10, 2, None))
    assert lines.unseen_s == pytest.approx(0.020)
    assert lines.blocked == {}


def test_much_work_in_many_iterations_is_not_an_unseen_block() -> None:
    assert told(look(0, 0, 1, None), look(30, 10, 50, None)).unseen_s == 0.0


def test_without_an_idle_source_the_looks_alone_decide() -> None:
    lines = told(look(0, None, 1, None), look(10, None, 1, SLEEP), look(20, None, 1, SLEEP), look(30, None, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 20.0}


def test_clocks_that_disagree_never_make_negative_time() -> None:
    lines = told(look(0, 0, 1, None), look(5, 9, 1, SLEEP), look(11, 9, 1, SLEEP), look(17, 9, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 12.0}
