"""Percentiles where there are enough samples, gaps where there are not."""

import numpy as np
import pytest

from loopbench.judge.run.latency import latency_curve, percentiles


@pytest.mark.parametrize(
    ("count", "known"),
    [(0, ()), (5, ()), (71, ("p50",)), (72, ("p50", "p95")), (367, ("p50", "p95")), (368, ("p50", "p95", "p99"))],
)
def test_a_percentile_below_its_floor_is_missing_not_guessed(count: int, known: tuple[str, ...]) -> None:
    found = percentiles(np.full(count, 0.01))
    assert tuple(name for name in ("p50", "p95", "p99", "p999") if getattr(found, f"{name}_ms") is not None) == known


def test_values_are_milliseconds() -> None:
    latencies_s = np.arange(1, 10_001) / 10_000
    found = percentiles(latencies_s)
    assert found.p50_ms == pytest.approx(500, rel=0.01)
    assert found.p99_ms == pytest.approx(990, rel=0.01)


def test_points_follow_the_users_and_hold_enough_each() -> None:
    users = np.repeat(np.arange(1, 101), 40)
    curve = latency_curve(users / 1000, users)
    assert sum(point.percentiles.samples for point in curve) == len(users)
    assert all(point.percentiles.p99_ms is not None for point in curve)
    assert [point.users for point in curve] == sorted(point.users for point in curve)
    for point in curve:
        assert point.percentiles.p50_ms == pytest.approx(point.users, abs=1.5)


def test_one_number_of_users_is_one_point_however_long_it_lasted() -> None:
    (point,) = latency_curve(np.full(10_000, 0.02), np.full(10_000, 100))
    assert point.percentiles.samples == 10_000


def test_nothing_answered_is_no_curve() -> None:
    assert latency_curve(np.empty(0), np.empty(0, dtype=np.int_)) == ()
