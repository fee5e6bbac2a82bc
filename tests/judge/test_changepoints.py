"""Where a window settles, and where its level steps."""

import numpy as np
import pytest

from loopbench.judge.statistics.changepoints import MIN_VALUES, Steadiness, mser5, steadiness
from tests.judge.simulate import Array, autoregressive


def slices(seed: int, count: int = 100, spread: float = 0.07, phi: float = 0.3) -> Array:
    """Ten seconds in slices of 0.1 s, around 100."""
    values: Array = 100 * np.exp(autoregressive(phi, spread)(count, np.random.default_rng(seed)))
    return values


def judged(values: Array) -> Steadiness:
    result = steadiness(values)
    assert result is not None
    return result


def test_a_steady_window_has_no_step() -> None:
    """Two hundred of them, at most 3 % alarmed."""
    assert sum(bool(judged(slices(seed)).changes) for seed in range(200)) <= 6


@pytest.mark.parametrize("where", [30, 50, 75])
def test_a_fall_by_fifteen_per_cent_is_found_where_it_happened(where: int) -> None:
    level = np.where(np.arange(100) >= where, 0.85, 1.0)
    found = [judged(slices(seed) * level).changes for seed in range(50)]
    near = [c for changes in found for c in changes if abs(c.index - where) <= 8 and -0.25 < c.size < -0.05]
    assert len(near) >= 45


def test_a_step_is_not_cut_away_as_settling() -> None:
    """MSER-5 alone would cut up to half the window, and the step with it."""
    result = judged(slices(1, spread=0.02) * np.where(np.arange(100) >= 45, 0.85, 1.0))
    assert result.cut <= 25
    assert len(result.changes) == 1


def test_two_steps_are_two() -> None:
    level = np.select([np.arange(150) < 50, np.arange(150) < 100], [1.0, 0.7], 1.0)
    assert len(judged(slices(2, count=150, spread=0.03) * level).changes) == 2


def test_a_step_too_small_to_matter_is_left_alone() -> None:
    assert not judged(slices(3, spread=0.005) * np.where(np.arange(100) >= 50, 0.97, 1.0)).changes


def test_settling_is_cut_and_the_mean_is_of_the_rest() -> None:
    settling = np.minimum(1.0, (np.arange(200) + 1) / 20)
    result = judged(slices(4, count=200, spread=0.02) * settling)
    assert 15 <= result.cut <= 25
    assert result.mean == pytest.approx(100, rel=0.01)
    assert not result.changes


def test_a_steady_start_is_kept() -> None:
    assert mser5(np.full(100, 7.0)) == 0


def test_a_stall_shows_at_both_ends() -> None:
    values = slices(5, count=150)
    values[60:90] = 0
    assert [change.index for change in judged(values).changes] == [60, 90]


def test_a_window_that_never_moves_is_steady() -> None:
    assert judged(np.zeros(MIN_VALUES)).changes == ()


def test_too_few_values_are_not_judged() -> None:
    assert steadiness(np.ones(MIN_VALUES - 1)) is None
