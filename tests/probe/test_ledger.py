"""Time per line, from looks with given times: no clock, no threads."""

import pytest
from loopbench_probe.ledger import Ledger, Lines, Look, Spent
from loopbench_probe.places import Place

LIMIT_S, PAUSE_S, LATE_BY_S = 0.010, 0.005, 0.015
SLEEP = Place("app.py", 10, "handler", "app.py", 10, "handler")
WRITE = Place("app.py", 11, "handler", "transport.py", 5, "write")


def look(time_ms: float, idle_ms: float | None, iteration: int, place: Place | None, task: str = "t1") -> Look:
    idle_s = None if idle_ms is None else idle_ms / 1000
    return Look(time_ms / 1000, idle_s, iteration, task if place else None, place)


def totals(*looks: Look) -> Lines:
    ledger = Ledger(LIMIT_S, LATE_BY_S)
    for each in looks:
        ledger.add(each, PAUSE_S)
    return ledger.take()


def milliseconds(lines: dict[Place, Spent]) -> dict[Place, float]:
    return {place: round(spent.seconds * 1000, 6) for place, spent in lines.items()}


def test_a_block_between_two_waits_counts_from_its_beginning_to_its_end() -> None:
    lines = totals(look(0, 0, 1, None), look(5, 3, 1, SLEEP), look(10, 3, 1, SLEEP), look(15, 4, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 11.0}
    assert lines.busy == {}


def test_a_step_shorter_than_the_limit_is_busy_not_blocked() -> None:
    lines = totals(look(0, 0, 1, None), look(5, 3, 1, SLEEP), look(10, 4, 2, None))
    assert milliseconds(lines.busy) == {SLEEP: 6.0}
    assert lines.blocked == {}


def test_many_short_steps_of_one_line_do_not_add_up_to_a_block() -> None:
    looks = [look(5.0 * n, 0, n, SLEEP, task=f"t{n}") for n in range(8)] + [look(40, 0, 9, None)]
    lines = totals(*looks)
    assert lines.blocked == {}
    assert milliseconds(lines.busy) == {SLEEP: 40.0}


def test_two_tasks_of_one_iteration_are_two_steps() -> None:
    lines = totals(
        look(0, 0, 1, SLEEP, "a"), look(6, 0, 1, SLEEP, "a"), look(12, 0, 1, SLEEP, "b"), look(18, 0, 2, None)
    )
    assert lines.blocked == {}


def test_time_between_two_lines_of_a_step_is_halved() -> None:
    lines = totals(look(0, 0, 1, SLEEP), look(10, 0, 1, WRITE), look(20, 0, 1, WRITE), look(20, 0, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 5.0, WRITE: 15.0}


def test_a_late_look_attributes_the_interval_to_what_it_finds() -> None:
    """A call that holds the GIL is seen only after it ends; the whole long interval then belongs to it."""
    lines = totals(look(0, 0, 1, WRITE), look(60, 0, 1, SLEEP), look(65, 5, 2, None))
    assert milliseconds(lines.blocked) == {WRITE: 0.0, SLEEP: 60.0}


def test_a_long_block_is_reported_every_second() -> None:
    ledger = Ledger(LIMIT_S, LATE_BY_S)
    for n in range(4):
        ledger.add(look(5.0 * n, 0, 1, SLEEP), PAUSE_S)
    assert milliseconds(ledger.take().blocked) == {SLEEP: 15.0}
    ledger.add(look(20, 0, 1, SLEEP), PAUSE_S)
    assert milliseconds(ledger.take().blocked) == {SLEEP: 5.0}


def test_the_longest_time_of_a_line_spans_callees_and_seconds() -> None:
    """One line has two steps, 12 ms and 35 ms; the longer one spans two callees and the end of a second."""
    inside = SLEEP._replace(file="json.py")
    ledger = Ledger(LIMIT_S, LATE_BY_S)
    looks = [
        look(0, 0, 1, None),
        look(12, 0, 1, SLEEP),
        look(12, 0, 2, None),
        *(look(12 + 10 * n, 0, 3, SLEEP) for n in (1, 2)),
    ]
    for each in looks:
        ledger.add(each, PAUSE_S)
    first = ledger.take().blocked
    for each in (look(42, 0, 3, inside), look(47, 0, 3, inside), look(47, 0, 4, None)):
        ledger.add(each, PAUSE_S)
    second = ledger.take()
    assert first[SLEEP].longest_s == pytest.approx(0.020)
    assert [spent.longest_s for spent in second.blocked.values()] == [pytest.approx(0.035)] * 2
    assert second.busy == {}


def test_short_steps_have_no_longest_time() -> None:
    lines = totals(look(0, 0, 1, None), look(5, 3, 1, SLEEP), look(10, 4, 2, None))
    assert [spent.longest_s for spent in lines.busy.values()] == [None]


def test_a_step_still_below_the_limit_waits_for_the_next_second() -> None:
    ledger = Ledger(LIMIT_S, LATE_BY_S)
    ledger.add(look(0, 0, 1, None), PAUSE_S)
    ledger.add(look(5, 0, 1, SLEEP), PAUSE_S)
    first = ledger.take()
    ledger.add(look(12, 0, 1, SLEEP), PAUSE_S)
    assert (first.blocked, first.busy) == ({}, {})
    assert milliseconds(ledger.take().blocked) == {SLEEP: 12.0}


def test_a_block_without_a_look_is_reported_without_a_line() -> None:
    lines = totals(look(0, 0, 1, None), look(30, 10, 2, None))
    assert lines.unseen_s == pytest.approx(0.020)
    assert lines.blocked == {}


def test_much_work_in_many_iterations_is_not_an_unseen_block() -> None:
    assert totals(look(0, 0, 1, None), look(30, 10, 50, None)).unseen_s == 0.0


def test_without_an_idle_source_only_the_looks_count() -> None:
    lines = totals(look(0, None, 1, None), look(10, None, 1, SLEEP), look(20, None, 1, SLEEP), look(30, None, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 20.0}


def test_clocks_that_disagree_never_make_negative_time() -> None:
    lines = totals(look(0, 0, 1, None), look(5, 9, 1, SLEEP), look(11, 9, 1, SLEEP), look(17, 9, 2, None))
    assert milliseconds(lines.blocked) == {SLEEP: 12.0}


def cpu_milliseconds(lines: dict[Place, Spent]) -> dict[Place, float | None]:
    return {place: None if spent.cpu_s is None else round(spent.cpu_s * 1000, 6) for place, spent in lines.items()}


def test_cpu_time_goes_to_the_same_lines_as_wall_time() -> None:
    looks = [look(0, 0, 1, SLEEP), look(10, 0, 1, WRITE), look(30, 0, 1, WRITE), look(30, 0, 2, None)]
    lines = totals(*(each._replace(cpu_s=cpu_ms / 1000) for each, cpu_ms in zip(looks, (5, 13, 33, 33), strict=True)))
    assert milliseconds(lines.blocked) == {SLEEP: 5.0, WRITE: 25.0}
    assert cpu_milliseconds(lines.blocked) == {SLEEP: 4.0, WRITE: 24.0}


def test_cpu_time_never_exceeds_busy_time() -> None:
    """The thread's clock also runs in the iterations around a wait."""
    looks = [look(0, 0, 1, None), look(20, 5, 1, SLEEP), look(20, 5, 2, None)]
    lines = totals(*(each._replace(cpu_s=cpu_ms / 1000) for each, cpu_ms in zip(looks, (0, 18, 18), strict=True)))
    assert cpu_milliseconds(lines.blocked) == {SLEEP: 15.0}


def test_without_a_thread_clock_cpu_time_is_none() -> None:
    lines = totals(look(0, 0, 1, SLEEP), look(20, 0, 1, SLEEP), look(20, 0, 2, None))
    assert cpu_milliseconds(lines.blocked) == {SLEEP: None}


def test_rarely_seen_short_steps_are_not_a_block() -> None:
    """On a busy loop the watcher rarely gets the GIL: ten answers of a millisecond are sent between two looks."""
    looks = [look(10.0 * n, 0, n, SLEEP, task=f"t{n}")._replace(answers=10 * n) for n in range(5)]
    lines = totals(*looks, look(50, 0, 6, None)._replace(answers=50))
    assert lines.blocked == {}
    assert sum(milliseconds(lines.busy).values()) == 50.0


def test_a_late_look_at_a_busy_loop_proves_no_block() -> None:
    late = look(60, 0, 1, SLEEP, task="b")._replace(answers=40)
    assert totals(look(0, 0, 1, WRITE, task="a")._replace(answers=0), late, look(60, 0, 2, None)).blocked == {}


def test_long_steps_one_after_another_are_blocks() -> None:
    looks = [look(12.0 * n, 0, n, SLEEP, task=f"t{n}")._replace(answers=n) for n in range(5)]
    lines = totals(*looks, look(60, 0, 5, None))
    assert milliseconds(lines.blocked)[SLEEP] >= 48.0


def test_a_block_without_a_frame_is_counted_over_all_its_looks() -> None:
    """For a C function that uvloop calls, seven looks see an empty stack, and the loop does not poll."""
    lines = totals(look(0, 0, 1, None), *(look(5.0 * n, 3, 1, None) for n in range(1, 8)), look(40, 4, 2, None))
    assert lines.unseen_s == pytest.approx(0.036)


def test_a_loop_that_waits_has_no_blocks_without_a_frame() -> None:
    assert totals(*(look(5.0 * n, 4.9 * n, n // 2, None) for n in range(20))).unseen_s == 0.0


def test_quick_steps_before_a_block_are_not_part_of_it() -> None:
    """Looks are skipped while a loop is quick; the time until a block is seen does not belong to the block."""
    quick = look(0, 0, 1, WRITE, task="a")._replace(answers=0)
    blocked = [look(30.0 + 5 * n, 0, 90, SLEEP, task="b")._replace(answers=200) for n in range(4)]
    lines = totals(quick, *blocked, look(45, 0, 91, None)._replace(answers=200))
    assert milliseconds(lines.blocked) == {SLEEP: 15.0}
