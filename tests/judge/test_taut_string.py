"""Row times come back from timestamps cut to whole seconds."""

import numpy as np
import numpy.typing as npt
import pytest

from loopbench.judge.cross_check.taut_string import row_times_s, straightest

Floats = npt.NDArray[np.float64]


def write_times(rows: int, period_s: float, jitter_s: float, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    periods_s = np.maximum(1.0, random.normal(period_s, jitter_s, rows - 1))
    return random.random() + np.concatenate(([0.0], np.cumsum(periods_s)))


@pytest.mark.parametrize(
    ("period_s", "limit"), [(1.001, 0.005), (1.003, 0.005), (1.006, 0.01), (1.01, 0.015), (1.02, 0.03)]
)
@pytest.mark.parametrize("rows", [40, 120, 600])
def test_widths_of_five_rows_are_right_within_a_percent(period_s: float, limit: float, rows: int) -> None:
    """A writer that needs 10 ms a row is a busy one; what its first and last skip leave open is its own work time."""
    worst = 0.0
    for seed in range(40):
        true_s = write_times(rows, period_s, 0.0005, seed)
        found_s = row_times_s(np.floor(true_s).astype(int).tolist())
        worst = max(worst, float(np.abs((found_s[5:] - found_s[:-5]) / (true_s[5:] - true_s[:-5]) - 1).max()))
    assert worst < limit


def test_a_skipped_second_makes_no_wide_window() -> None:
    """Differencing the stamps themselves would give a window of 2 s, and half the throughput."""
    true_s = 0.5 + 1.004 * np.arange(300)
    stamps = np.floor(true_s).astype(int)
    assert np.diff(stamps).max() == 2
    assert np.diff(row_times_s(stamps.tolist())) == pytest.approx(np.full(299, 1.004), abs=0.0041)


def test_every_time_stays_inside_its_stamp() -> None:
    true_s = write_times(500, 1.03, 0.02, seed=7)
    stamps = np.floor(true_s).astype(int)
    found_s = row_times_s(stamps.tolist())
    assert np.all(found_s >= stamps - stamps[0] - 1e-9)
    assert np.all(found_s <= stamps - stamps[0] + 1 + 1e-9)


def test_a_stalled_writer_leaves_one_long_gap_and_steady_rows_around_it() -> None:
    true_s = 0.3 + 1.004 * np.arange(200)
    true_s[100:] += 30.4
    widths_s = np.diff(row_times_s(np.floor(true_s).astype(int).tolist()))
    assert widths_s[99] == pytest.approx(31.404, abs=1)
    assert np.delete(widths_s, 99) == pytest.approx(np.full(198, 1.004), abs=0.01)


@pytest.mark.parametrize("period_s", [0.5, 2.004, 2.7])
def test_a_writer_set_to_another_pace_is_followed(period_s: float) -> None:
    stamps = np.floor(0.3 + period_s * np.arange(300)).astype(int)
    assert np.diff(row_times_s(stamps.tolist())) == pytest.approx(np.full(299, period_s), rel=0.01)


@pytest.mark.parametrize("stamps", [[5], [5, 6], [5, 7], [5, 5, 5], [5, 6, 9, 10]])
def test_a_few_rows_are_enough(stamps: list[int]) -> None:
    assert len(row_times_s(stamps)) == len(stamps)


def test_wide_corridors_along_a_curve_are_each_looked_at_once() -> None:
    """From each of its corners the path could go straight through a share of all others."""
    rows = np.arange(100_000.0)
    lower = rows * (rows + 1) / 2
    path = straightest(lower, lower + 3e8, 50_000.0)
    assert np.all((lower <= path + 1e-3) & (path <= lower + 3e8 + 1e-3))


@pytest.mark.parametrize("seed", range(30))
def test_the_taut_string_is_the_path_whose_steps_differ_least(seed: int) -> None:
    """Compared with brute force: no small change of any inner point makes the sum of squared steps smaller."""
    random = np.random.default_rng(seed)
    lower = np.cumsum(random.normal(1, 1.5, 25))
    upper = lower + random.uniform(0.2, 2, 25)
    path = straightest(lower, upper, 1.0)

    def cost(candidate: Floats) -> float:
        return float(np.sum(np.square(np.diff(candidate) - 1.0)))

    assert np.all((lower - 1e-9 <= path) & (path <= upper + 1e-9))
    for index in range(25):
        for step in (-1e-4, 1e-4):
            other = path.copy()
            other[index] = np.clip(other[index] + step, lower[index], upper[index])
            assert cost(other) >= cost(path) - 1e-9
