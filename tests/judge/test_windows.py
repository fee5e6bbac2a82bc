"""Points widen until they mean something, and never hide a stall."""

import numpy as np
import pytest

from loopbench.judge.run.windows import (
    Bin,
    Curve,
    curve_from_completions,
    goodput_by_users,
    measure_plateau,
    merge,
    stalls,
    widen,
)


def seconds(*counts: int, failed: int = 0) -> list[Bin]:
    """Windows of a second with these good answers, one user more in each."""
    return [Bin(i, i + 1, i + 1.0, good, failed) for i, good in enumerate(counts)]


@pytest.mark.parametrize(
    ("counts", "merged"),
    [
        ((100, 100), (100, 100)),
        ((60, 60, 60, 60), (120, 120)),
        ((60, 60, 60), (180,)),  # what is left over joins its neighbour
        ((10, 20), (30,)),  # all there is
        ((500,), (500,)),
        ((), ()),
    ],
)
def test_windows_widen_to_a_hundred_completions(counts: tuple[int, ...], merged: tuple[int, ...]) -> None:
    assert tuple(window.good for window in widen(seconds(*counts))) == merged


def test_failed_answers_fill_a_window_too() -> None:
    assert [window.goodput_rps for window in widen(seconds(0, 0, 0, failed=100))] == [0, 0, 0]


def test_merging_adds_counts_and_weighs_users_by_time() -> None:
    merged = merge([Bin(0, 1, 10, 5, 1), Bin(1, 4, 20, 7, 2)])
    assert merged == Bin(0, 4, 17.5, 12, 3)
    assert merged.goodput_rps == 3


def test_a_stall_keeps_its_zeros() -> None:
    windows = seconds(*[200] * 10, *[0] * 30, *[200] * 10)
    widened = widen(windows)
    assert [window.goodput_rps for window in widened] == [200] * 10 + [0] * 30 + [200] * 10
    assert stalls(windows) == ((10, 40),)


def test_a_lull_that_chance_explains_is_no_stall() -> None:
    windows = seconds(*[3, 0, 0, 4] * 40)
    assert stalls(windows) == ()
    assert min(window.good for window in widen(windows)) >= 100


def test_windows_that_do_not_touch_are_never_merged() -> None:
    windows = [Bin(0, 1, 1, 60, 0), Bin(5, 6, 2, 60, 0)]
    assert widen(windows) == tuple(windows)


def test_a_level_of_constant_users_is_one_point() -> None:
    level = [Bin(i, i + 1, 10, 100, 0) for i in range(30)]
    assert widen(level) == (Bin(0, 30, 10, 3000, 0),)


def test_a_hold_says_mean_and_spread_of_its_seconds() -> None:
    hold = measure_plateau([Bin(i, i + 1, 100, 100 + i, 0) for i in range(11)])
    assert hold is not None
    assert hold.goodput_rps == 105
    assert hold.spread_rps == pytest.approx((101, 109))
    assert hold.spread_window_s == 1


def test_a_cut_off_last_window_counts_but_does_not_spread() -> None:
    hold = measure_plateau([*(Bin(i, i + 1, 9, 50, 0) for i in range(6)), Bin(6, 6.3, 9, 0, 0)])
    assert hold is not None
    assert hold.spread_rps == (50, 50)
    assert hold.measured_s == pytest.approx(6.3)


def test_less_than_five_seconds_is_no_hold() -> None:
    assert measure_plateau(seconds(100, 100, 100, 100)) is None
    assert measure_plateau([]) is None


def test_bins_of_users_without_a_window_are_not_a_number() -> None:
    found = goodput_by_users([Bin(0, 1, 5, 10, 0), Bin(1, 3, 6, 40, 0)], [0, 10, 20])
    assert found[0] == pytest.approx(50 / 3)
    assert np.isnan(found[1])


def curve(completions_s: list[float], ok: list[bool], ramp_start_s: float = 100.0, hold_end_s: float = 110.0) -> Curve:
    return curve_from_completions(
        "x",
        completion_times_s=np.array(completions_s),
        ok=np.array(ok, dtype=bool),
        ramp_start_s=ramp_start_s,
        user_start_times_s=np.array([100.0, 101.0, 102.0, 103.0]),
        hold_start_s=104.0,
        hold_end_s=hold_end_s,
    )


def test_samples_are_counted_between_users_arrivals_warmup_and_drain_left_out() -> None:
    found = curve([99.9, 100.5, 101.5, 101.6, 103.9, 105.5, 109.9, 110.1], [True, True, False, True, *[True] * 4])
    assert [(step.users, step.good, step.failed) for step in found.steps] == [
        (1, 1, 0),
        (2, 1, 1),
        (3, 0, 0),
        (4, 1, 0),
    ]
    assert found.hold is not None
    assert (found.hold.good, found.hold.users, found.hold.measured_s) == (2, 4, 6)


def test_the_order_of_samples_does_not_matter() -> None:
    times, ok = [100.5, 101.5, 101.6, 105.5], [True, False, True, False]
    assert curve(times, ok) == curve(times[::-1], ok[::-1])


def test_users_are_weighted_by_the_time_they_were_there() -> None:
    found = curve([], [], ramp_start_s=99.0)
    assert [step.users for step in found.steps] == [1, 2, 3, 4]


def test_a_run_without_a_hold_has_none() -> None:
    assert curve([100.5], [True], hold_end_s=104.0).hold is None


def test_a_run_in_which_nothing_completed_is_a_curve_at_zero() -> None:
    found = curve([], [])
    assert found.highest_rps == 0
    assert found.knee_users is None
    assert found.most_users == 4
