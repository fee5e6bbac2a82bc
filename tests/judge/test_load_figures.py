"""What the users saw, per request name: in flight, width, users served, failures."""

from typing import Any

import numpy as np
import pytest

from loopbench.judge.diagnosis.load_figures import LoadFigures, load_figures
from loopbench.judge.run.samples import DTYPE, Samples
from loopbench.judge.run.slices import joined
from loopbench.records import samples as layout
from loopbench.records.session import Phase
from tests.judge.made_run import made_run

WINDOW = Phase("hold", 0.0, 10.0)


def figures_of(*requests: dict[str, Any], window: Phase = WINDOW) -> LoadFigures:
    """Return the figures of these requests; each has `start_s` and `latency_s`, and what differs from a good answer."""
    rows = np.zeros(len(requests), dtype=DTYPE)
    for row, request in zip(rows, requests, strict=True):
        for name, value in {"status": 200, "users": 1, **request}.items():
            row[name] = value
    return load_figures(made_run(samples=Samples(rows, ("slow", "quick"), ("", "bad"), (), ())), window)


def test_the_width_of_each_name_is_its_goodput_times_its_time_alone() -> None:
    """Two slow ones of 1 s a second, as wide as 2; and one quick one of 10 ms a second."""
    slow = [{"start_s": at / 2, "latency_s": 1.0} for at in range(18)]
    quick = [{"start_s": at, "latency_s": 0.01, "name": 1} for at in range(10)]
    load = figures_of(*slow, *quick)
    assert [each.width for each in load.names] == pytest.approx([1.8, 0.01])


def test_requests_in_flight_between_the_slices_of_a_window_do_not_count() -> None:
    window = joined([Phase("hold", 0.0, 1.0), Phase("hold", 3.0, 4.0)])
    assert figures_of({"start_s": 0.5, "latency_s": 3.0}, window=window).in_flight == pytest.approx(1.0 / 2.0)


def test_the_width_counts_the_names_whose_requests_queue() -> None:
    alone = [{"start_s": at, "latency_s": 0.1} for at in range(5)]
    waiting = [{"start_s": 5.0, "latency_s": 4.9, "users": 9} for _ in range(20)]
    load = figures_of(*alone, *waiting, {"start_s": 1.0, "latency_s": 0.01, "name": 1})
    assert [each.queues for each in load.names] == [True, False]
    assert load.width == pytest.approx(25 / 10 * 0.1)


def test_users_are_served_per_name() -> None:
    load = figures_of(
        {"start_s": 0.0, "latency_s": 0.1, "name": 1, "user": 0},
        {"start_s": 1.0, "latency_s": 20.0, "user": 0},
        {"start_s": 1.0, "latency_s": 1.0, "user": 1},
    )
    assert [(each.users, each.served) for each in load.names] == [(2, 1), (1, 1)]


def test_a_name_without_any_answer_never_ends_and_one_with_bad_answers_does() -> None:
    load = figures_of(
        {"start_s": 1.0, "latency_s": 20.0}, {"start_s": 1.0, "latency_s": 2.0, "name": 1, "error": 1, "status": 500}
    )
    assert [each.never_ends for each in load.names] == [True, False]


def test_failures_are_answers_with_a_bad_status() -> None:
    bad = {"latency_s": 0.2, "error": 1}
    load = figures_of(
        {"start_s": 1.0, **bad, "status": 503},
        {"start_s": 2.0, **bad, "status": 503},
        {"start_s": 3.0, **bad, "status": 500},
        {"start_s": 4.0, **bad, "status": 0},
        {"start_s": 5.0, "latency_s": 0.1},
    )
    assert load.failures is not None
    assert (load.failures.status, load.failures.name, load.failures.share) == (503, "slow", 3 / 5)


ANSWERED = [{"start_s": at, "latency_s": 0.1} for at in range(6)]


@pytest.mark.parametrize(
    ("request_", "stuck"),
    [
        ({"start_s": 7.0, "latency_s": 5.0}, 3),
        ({"start_s": 7.0, "latency_s": 5.0, "flags": layout.FLAG_UNFINISHED}, 3),
        ({"start_s": 7.0, "latency_s": 5.0, "status": 200}, 0),
        ({"start_s": 7.0, "latency_s": 5.0, "flags": layout.FLAG_HUNG_UP}, 0),
        ({"start_s": 7.0, "latency_s": 2.0}, 0),
    ],
    ids=["given up", "cut at the end", "answered in the drain", "left on purpose", "given up in the window"],
)
def test_requests_that_are_never_answered_from_a_moment_on_never_end(request_: dict[str, Any], stuck: int) -> None:
    """Three of them, after answers in the same window."""
    load = figures_of(*ANSWERED, *[{"status": 0, "error": 1, **request_} for _ in range(3)])
    assert (load.names[0].stuck, load.names[0].never_ends) == (stuck, stuck > 0)


def test_requests_cut_right_after_an_answer_are_not_stuck() -> None:
    """As with a short drain."""
    cut = {"start_s": 9.5, "latency_s": 0.6, "status": 0, "flags": layout.FLAG_UNFINISHED}
    load = figures_of({"start_s": 9.0, "latency_s": 0.9}, cut, cut)
    assert not load.names[0].never_ends
