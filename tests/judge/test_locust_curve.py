"""Throughput from a Locust history is what completed, in real time, against the users who were there."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loopbench.errors import DataError
from loopbench.judge.cross_check.locust_csv import COUNTS, History, read
from loopbench.judge.cross_check.locust_curve import curves_from_locust_csv
from loopbench.judge.run.windows import Curve, curve_from_completions, goodput_by_users
from loopbench.judge.statistics.fits import RunCurve, fit_hinge
from tests.judge.closed_loop import Loop, requests_per_s, row_times, run_loop, write_history

SAMPLES = Path(__file__).parent / "locust_csv_samples"
START = 1_700_000_000
RAMP_S, HOLD_S = 100, 20


def history(rows: Sequence[tuple[float, int, int, int]]) -> History:
    """Rows of (time, users, requests, failures), stamped as Locust stamps them."""
    stamped = [(START + int(time_s), *counts) for time_s, *counts in rows]
    return History(Path("x"), pd.DataFrame(stamped, columns=list(COUNTS)))


def steady(seconds: int, rps: int, users: int = 10, fail_rps: int = 0) -> list[tuple[float, int, int, int]]:
    """A ramp-free test at constant throughput, one row every 1.003 s."""
    times_s = [0.4 + 1.003 * row for row in range(seconds + 1)]
    return [(t, users, round(rps * (t - 0.4)), round(fail_rps * (t - 0.4))) for t in times_s]


def only(rows: Sequence[tuple[float, int, int, int]]) -> Curve:
    (curve,) = curves_from_locust_csv(history(rows), "x")
    return curve


@pytest.fixture(scope="module", params=[0.1, 0.5, 0.95])
def loop(request: pytest.FixtureRequest) -> Loop:
    """40 requests/s at most, 0.1 s each, behind a ramp of one user a second: a knee at 4 users."""
    begin_s = START + float(request.param)
    return run_loop(users=100, spawn_rate=1, hold_s=HOLD_S, places=4, service_s=0.1, begin_s=begin_s)


def from_samples(loop: Loop) -> Curve:
    begin_s = float(loop.starts_s[0])
    return curve_from_completions(
        "samples",
        completion_times_s=loop.completions_s,
        ok=np.ones(len(loop.completions_s), dtype=bool),
        ramp_start_s=begin_s,
        user_start_times_s=loop.starts_s,
        hold_start_s=begin_s + RAMP_S,
        hold_end_s=begin_s + RAMP_S + HOLD_S,
    )


def from_csv(loop: Loop, folder: Path) -> Curve:
    path = folder / "x_stats_history.csv"
    write_history(path, loop)
    (curve,) = curves_from_locust_csv(read(path), "csv")
    return curve


def test_the_knee_is_drawn_at_four_users_from_samples(loop: Loop) -> None:
    assert from_samples(loop).knee_users == pytest.approx(4, abs=1)


def test_the_knee_is_drawn_at_four_users_from_a_locust_csv(loop: Loop, tmp_path: Path) -> None:
    assert from_csv(loop, tmp_path).knee_users == pytest.approx(4, abs=1)


def test_the_column_requests_per_s_would_draw_the_same_knee_far_too_late(loop: Loop, tmp_path: Path) -> None:
    """Why it is not used."""
    from_csv(loop, tmp_path)
    with (tmp_path / "x_stats_history.csv").open(newline="") as file:
        rows = [(float(row["User Count"]), float(row["Requests/s"])) for row in csv.DictReader(file)]
    users, rps = zip(*[row for row in rows if row[0]], strict=True)
    at_95_percent = next(n for n, x in rows if x >= 0.95 * 40)
    assert at_95_percent == pytest.approx(15, abs=1.5)
    assert fit_hinge(RunCurve(users, rps)).knee_users > 10


def test_both_sources_agree_on_one_run(loop: Loop, tmp_path: Path) -> None:
    samples, csv_curve = from_samples(loop), from_csv(loop, tmp_path)
    edges = [1.5, 4.5, *range(10, 101, 10)]
    rise = [goodput_by_users(curve.steps, edges) for curve in (samples, csv_curve)]
    assert rise[1] == pytest.approx(rise[0], rel=0.05)
    assert samples.hold is not None
    assert csv_curve.hold is not None
    assert csv_curve.hold.goodput_rps == pytest.approx(samples.hold.goodput_rps, rel=0.03)


def test_a_real_ramp_into_eight_places_of_50_ms_shows_its_knee_and_plateau() -> None:
    """Plain Locust 2.47, 2 users a second, against a server that can do 160 requests/s less its sleeping overhead."""
    (curve,) = curves_from_locust_csv(read(SAMPLES / "locust-2.47-plain_stats_history.csv"), "x")
    assert curve.knee_users == pytest.approx(8, abs=1)
    assert curve.hold is not None
    assert curve.hold.goodput_rps == pytest.approx((4610 - 92 - 2890 + 57) / 11, rel=0.01)
    assert curve.hold.users == 40


def test_a_real_distributed_master_gives_windows_from_report_to_report() -> None:
    (plain,) = curves_from_locust_csv(read(SAMPLES / "locust-2.47-plain_stats_history.csv"), "x")
    (master,) = curves_from_locust_csv(read(SAMPLES / "locust-2.47-procs_stats_history.csv"), "x")
    assert all(window.width_s > 2.9 for window in master.steps[1:])
    assert all(window.goodput_rps == pytest.approx(153, rel=0.05) for window in master.windows[1:])
    assert master.hold is not None
    assert plain.hold is not None
    assert master.hold.goodput_rps == pytest.approx(plain.hold.goodput_rps, rel=0.02)
    assert "3.0 s" in master.notes[0]


def test_reports_that_drift_against_the_rows_make_no_double_windows() -> None:
    """Every few hundred rows a report slips over a row: 2 or 4 rows then hold 3 s of answers."""
    times_s = row_times(0.2, 400.0, work_s=0.006)
    reports = [(t, 100 * int((t - 0.2) / 3.0003) * 3) for t in times_s]
    curve = only([(t, 10, requests, 0) for t, requests in reports])
    assert curve.hold is not None
    assert curve.hold.spread_rps == pytest.approx((100, 100), rel=0.03)


def test_a_reset_starts_afresh_and_loses_one_interval_only() -> None:
    """Locust 2.47 with --reset-stats: the counts fall from 2732 to 154 between two rows."""
    (curve,) = curves_from_locust_csv(read(SAMPLES / "locust-2.47-reset_stats_history.csv"), "x")
    assert curve.hold is not None
    assert curve.hold.goodput_rps == pytest.approx((1570 - 154 - 33 + 3 + 0) / 9, rel=0.02)
    assert max(window.users for window in curve.windows) > 36
    assert "set back once" in curve.notes[0]


def test_a_stall_of_30_seconds_shows_as_zeros() -> None:
    rows = steady(60, 50, users=10)
    stalled = [
        (t, 10 + max(0, i - 10), n if i <= 20 else 1003 if i <= 50 else n - 1505, 0)
        for i, (t, _, n, _) in enumerate(rows)
    ]
    curve = only(stalled)
    zeros = [window for window in curve.windows if window.goodput_rps == 0]
    assert sum(window.width_s for window in zeros) == pytest.approx(30, abs=0.2)
    assert all(window.goodput_rps == pytest.approx(50, rel=0.03) for window in curve.windows if window not in zeros)
    assert any("no answer at all for 30 s" in note for note in curve.notes)


def test_failures_alone_are_no_throughput() -> None:
    curve = only([(t, 1 + i, n, n) for i, (t, _, n, _) in enumerate(steady(30, 50))])
    assert {window.goodput_rps for window in curve.windows} == {0.0}
    assert len(curve.windows) > 5
    assert curve.knee_users is None
    assert any("100.0 % of the answers failed" in note for note in curve.notes)


def test_failures_are_taken_off() -> None:
    curve = only(steady(30, 50, fail_rps=10))
    assert curve.hold is not None
    assert curve.hold.goodput_rps == pytest.approx(40, rel=0.01)
    assert curve.hold.failed / curve.hold.measured_s == pytest.approx(10, rel=0.01)


def test_two_tests_in_one_file_are_two_curves() -> None:
    first = steady(20, 100)
    again = [(t + 30, users, n, bad) for t, users, n, bad in steady(20, 50)]
    curves = curves_from_locust_csv(history([*first, (21.6, 0, 2000, 0), (29.6, 0, 0, 0), *again]), "x")
    assert [curve.label for curve in curves] == ["x (test 1)", "x (test 2)"]
    assert [curve.hold.goodput_rps for curve in curves if curve.hold] == pytest.approx([100, 50], rel=0.02)


def test_a_clock_set_back_cuts_the_file() -> None:
    ahead = [(t + 600, users, n, bad) for t, users, n, bad in steady(20, 100)]
    back = [(t + 100, users, n + 2000, bad) for t, users, n, bad in steady(20, 100)]
    assert len(curves_from_locust_csv(history([*ahead, *back]), "x")) == 2


def test_what_comes_after_the_hold_is_left_out_and_said() -> None:
    rows = steady(60, 50)
    curve = only([(t, 10 if i <= 30 else 5, n, bad) for i, (t, _, n, bad) in enumerate(rows)])
    assert curve.hold is not None
    assert curve.hold.end_s == pytest.approx(30, abs=0.6)
    assert any("not drawn" in note for note in curve.notes)


def test_steps_of_users_give_one_point_each_and_none_between() -> None:
    rows = steady(90, 200)
    curve = only([(t, 10 * (1 + i // 30), n, bad) for i, (t, _, n, bad) in enumerate(rows[:90])])
    assert [window.users for window in curve.windows] == pytest.approx([10, 20], abs=0.2)


def test_a_file_without_users_is_refused() -> None:
    with pytest.raises(DataError) as refused:
        curves_from_locust_csv(history([(t, 0, n, bad) for t, _, n, bad in steady(20, 50)]), "x")
    assert refused.value.slug == "csv-too-short"


def test_the_simulated_column_is_locusts_own() -> None:
    """A steady second after second reads as it is; the mean ends three seconds before the last request."""
    loop = Loop(np.arange(0, 60, 0.1), np.array([0.0]), 60.0)
    assert requests_per_s(loop, 50.05) == pytest.approx(10)
    assert requests_per_s(Loop(loop.completions_s[:200], loop.starts_s, 60.0), 50.0) == pytest.approx(10)


@pytest.mark.parametrize("phase_s", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_users_that_come_between_two_rows_are_placed_where_the_ramp_begins_at_the_origin(phase_s: float) -> None:
    """A warm-up before the ramp: rows and users keep pace, and only the answers say how far apart they are."""
    each_rps, warm_up, begin_s = 30, 50, 3 + phase_s

    def answers(until_s: float) -> float:
        return warm_up + sum(each_rps * max(0.0, until_s - begin_s - user) for user in range(60))

    rows = [(float(t), sum(t > begin_s + user for user in range(60)), round(answers(t)), 0) for t in range(60)]
    for step in only(rows).steps:
        assert step.users == pytest.approx(step.goodput_rps / each_rps, abs=0.1)


@pytest.mark.parametrize("apart_s", [1, 2, 5, 10])
def test_users_between_rows_far_apart_come_at_the_pace_of_the_ramp(apart_s: int) -> None:
    """One user a second from the first row on: after 36 s there are 36, however rarely rows are written."""
    rows = [(0.4 + t, t, 20 * t * t, 0) for t in range(0, 80, apart_s)]
    for step in only(rows).steps:
        assert step.users == pytest.approx((step.start_s + step.end_s) / 2, abs=1)


@pytest.mark.parametrize("rps", [3, 200])
def test_every_level_is_one_point_however_few_its_answers(rps: int) -> None:
    """Levels 5 % of all users apart, with half a minute each: small steps are no jumps, and are not averaged either."""
    rows = steady(300, rps)[:300]
    curve = only([(t, 50 + 5 * (i // 30), n, bad) for i, (t, _, n, bad) in enumerate(rows)])
    levels = [each.users for each in curve.windows if each.users == round(each.users)]
    assert levels == [50, 55, 60, 65, 70, 75, 80, 85, 90]
    assert [each for each in curve.windows if each.users not in levels] == []
    assert any("rest on fewer than 100 answers" in note for note in curve.notes) == (rps == 3)


def test_a_ramp_that_becomes_one_point_is_explained() -> None:
    """Half a user a second, and two answers a second."""
    rows = [(0.4 + t, t // 2, 2 * t, 0) for t in range(45)]
    curve = only(rows)
    assert len(curve.windows) == 1
    assert any("the ramp is one point" in note for note in curve.notes)
