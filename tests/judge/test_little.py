"""Little's law in its exact form balances to the last millisecond, whatever the windows; what is missing is hidden."""

from pathlib import Path

import numpy as np
import pytest

from loopbench.judge.run.little import occupations, overlap_s
from loopbench.judge.run.samples import Samples
from loopbench.records import samples as layout
from tests.judge.recorded_run import Made, Rows, write_run


def recorded(folder: Path, made: Made) -> Samples:
    return write_run(folder, made).samples


@pytest.mark.parametrize(
    ("starts_s", "ends_s", "expected_s"),
    [
        ([0.5], [1.5], [0.5, 0.5, 0.0]),
        ([0.0, 1.0], [3.0, 2.0], [1.0, 2.0, 1.0]),
        ([-5.0], [9.0], [1.0, 1.0, 1.0]),
        ([2.5], [], [0.0, 0.0, 0.5]),
        ([], [], [0.0, 0.0, 0.0]),
    ],
    ids=["across an edge", "two at once", "longer than all", "without an end", "nobody"],
)
def test_overlaps_are_exact(starts_s: list[float], ends_s: list[float], expected_s: list[float]) -> None:
    found = overlap_s(np.array(starts_s), np.array(ends_s), np.arange(4.0))
    assert found == pytest.approx(expected_s)


@pytest.mark.parametrize("think_s", [0.0, 0.03, 0.4])
def test_all_users_time_is_waiting_or_thinking_in_every_second(tmp_path: Path, think_s: float) -> None:
    samples = recorded(tmp_path, Made(think_s=think_s))
    for window in occupations(samples, np.arange(3.0, 10.0), think_s):
        assert window.users == 20
        assert window.hidden_share == pytest.approx(0, abs=1e-5)


def test_users_in_step_balance_where_throughput_times_think_time_would_not(tmp_path: Path) -> None:
    """All think at the same moments, and the window cuts a wave: X * Z is wrong by a third of the users."""
    samples = recorded(tmp_path, Made(users=30, think_s=1.0, service_s=lambda *_: 0.5))
    (window,) = occupations(samples, np.array([3.0, 4.0]), 1.0)
    completed = np.count_nonzero((samples.end_s >= 3.0) & (samples.end_s < 4.0))
    assert window.hidden_share == pytest.approx(0, abs=0.01)
    assert abs(window.users - window.in_flight - completed * 1.0) > 3


@pytest.mark.parametrize("hidden_s", [0.002, 0.01, 0.05])
def test_time_lost_in_the_generator_is_what_is_found_hidden(tmp_path: Path, hidden_s: float) -> None:
    samples = recorded(tmp_path, Made(hidden_s=hidden_s))
    (window,) = occupations(samples, np.array([3.0, 9.0]), 0.03)
    assert window.hidden_share == pytest.approx(hidden_s / (0.05 + hidden_s), rel=0.03)


def test_a_user_nobody_answers_is_in_flight_not_hidden(tmp_path: Path) -> None:
    def starve(rows: Rows) -> Rows:
        first = np.flatnonzero(rows["user"] == 0)[:1]
        rows["latency_s"][first] = 20.0
        rows["flags"][first] |= layout.FLAG_UNFINISHED
        kept: Rows = rows[(rows["user"] != 0) | (rows["flags"] & layout.FLAG_UNFINISHED != 0)]
        return kept

    samples = recorded(tmp_path, Made(rows=starve))
    (window,) = occupations(samples, np.array([3.0, 9.0]), 0.03)
    assert window.hidden_share == pytest.approx(0, abs=1e-3)


def test_users_who_have_stopped_are_not_there(tmp_path: Path) -> None:
    samples = recorded(tmp_path, Made(hold_s=6.0))
    (window,) = occupations(samples, np.array([20.0, 21.0]), 0.03)
    assert (window.users, window.in_flight, window.hidden_share) == (0, 0, 0)
