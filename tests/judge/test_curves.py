"""Hinge or Universal Scalability Law: what is found, what is chosen, and what is refused."""

import numpy as np
import pytest

from loopbench.judge.statistics.curves import Hinge, NoShape, Usl, describe, knee_users
from loopbench.judge.statistics.fits import RunCurve, effective_count, fit_hinge, fit_usl
from tests.judge.simulate import binned, closed_loop_ramp, disturbed, hinge_curve, usl_curve


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def knee(curve: RunCurve) -> float | None:
    return knee_users(curve.users, curve.rps)


def knees(clean: RunCurve, spread: float, phi: float = 0.0, seeds: int = 30) -> list[float | None]:
    return [knee(disturbed(clean, spread, generator(seed), phi)) for seed in range(seeds)]


SERVERS = (
    # servers, seconds held, think time, knee, tolerance: ramps of 1 user/s to 100
    ("def, 50 ms", 40, 0.050, 0.0, 40, 2),
    ("def, 50 ms, thinking", 40, 0.050, 0.030, 64, 2),
    ("default executor of two cpus", 6, 0.050, 0.0, 6, 1),
    ("default executor, thinking", 6, 0.020, 0.100, 36, 2),
)


@pytest.mark.parametrize(
    ("servers", "service_s", "think_s", "where", "within"), [s[1:] for s in SERVERS], ids=[s[0] for s in SERVERS]
)
def test_a_simulated_pool_bends_where_it_is_full(
    servers: int, service_s: float, think_s: float, where: float, within: float
) -> None:
    done_s, end_s = closed_loop_ramp(servers=servers, service_s=service_s, think_s=think_s, users=100, rng=generator())
    assert knee(binned(done_s, end_s)) == pytest.approx(where, abs=within)


@pytest.mark.parametrize("completions", [1, 100])
def test_forty_requests_a_second_behind_a_ramp_bend_at_four_users(completions: int) -> None:
    """0.1 s alone, 40 requests/s at most; one-second bins, or bins of a hundred answers (one of them in the rise)."""
    ramp = closed_loop_ramp(servers=1, service_s=0.025, response_s=0.075, users=60, rng=generator())
    assert knee(binned(*ramp, completions=completions)) == pytest.approx(4, abs=1)


@pytest.mark.parametrize("spread", [0.05, 0.10, 0.14])
@pytest.mark.parametrize(("where", "within"), [(40, 4.5), (6, 1.5)])
def test_noise_widens_the_knee_but_does_not_move_it(where: float, within: float, spread: float) -> None:
    found = [k for k in knees(hinge_curve(where), spread) if k is not None]
    assert len(found) >= 20
    assert np.mean(found) == pytest.approx(where, rel=0.04)
    assert max(abs(k - where) for k in found) <= within


@pytest.mark.parametrize("spread", [0.05, 0.14])
@pytest.mark.parametrize("clean", [hinge_curve(1000), hinge_curve(1)], ids=("straight", "flat"))
@pytest.mark.parametrize("phi", [0.0, 0.8])
def test_no_knee_is_invented(clean: RunCurve, spread: float, phi: float) -> None:
    """Were one in twenty curves given a knee, 59 curves would show one in 95 of 100 cases: 0.95^59 = 0.05."""
    assert knees(clean, spread, phi, seeds=59) == [None] * 59


def test_no_knee_is_invented_from_a_few_answers_a_second() -> None:
    """Counts of one-second bins scatter by themselves, and are often 0."""
    flat, straight = np.full(100, 2.0), 0.1 * np.arange(1, 101)
    for seed in range(30):
        for mean in (flat, straight):
            assert knee_users(np.arange(1.0, 101), generator(seed).poisson(mean).astype(float)) is None


def test_bins_of_a_few_answers_are_joined_until_they_show_the_knee() -> None:
    """Forty answers a second at most, counted in bins of half a second: alone they scatter by more than a quarter."""
    users = np.arange(1.0, 101, 0.5)
    narrow = [generator(seed).poisson(0.5 * np.minimum(users, 40)) / 0.5 for seed in range(20)]
    shape = describe([RunCurve(tuple(users), tuple(narrow[0].tolist()))])
    assert isinstance(shape, NoShape)
    assert shape.too_noisy
    found = [k for k in (knee_users(users, rps) for rps in narrow) if k is not None]
    assert len(found) >= 8
    assert all(35 <= k <= 50 for k in found)


def test_a_smooth_curve_is_no_knee() -> None:
    assert knees(usl_curve(0.05, 0.0005), 0.05) == [None] * 30


def test_usl_finds_what_it_was_given() -> None:
    shape = describe([disturbed(usl_curve(0.05, 0.0005), 0.05, generator())])
    assert isinstance(shape, Usl)
    assert shape.sigma.value == pytest.approx(0.05, abs=0.01)
    assert shape.kappa.value == pytest.approx(0.0005, rel=0.15)
    assert shape.peak is not None
    assert shape.peak.users == pytest.approx(43.6, rel=0.05)
    assert shape.peak.rps == pytest.approx(107.4, rel=0.03)


def test_a_blocked_loop_reads_sigma_near_one_and_has_no_peak() -> None:
    shape = describe([binned(*closed_loop_ramp(servers=1, service_s=0.020, users=100, rng=generator()))])
    assert isinstance(shape, Usl)
    assert shape.sigma.value > 0.95
    assert shape.peak is None
    assert shape.no_peak == "no peak: kappa's interval includes 0"


def test_a_peak_far_beyond_the_data_is_not_quoted() -> None:
    shape = describe([usl_curve(0.02, 0.00002, users=100)])
    assert isinstance(shape, Usl)
    assert shape.peak is None
    assert shape.no_peak == "the peak would lie near 221 users, beyond twice the 100 measured"


def test_fewer_than_eight_levels_carry_no_usl() -> None:
    curve = usl_curve(0.05, 0.0005, users=7)
    assert describe([curve]) == NoShape("7 levels of users; USL takes at least 8")


def test_four_levels_carry_nothing() -> None:
    shape = describe([hinge_curve(2, users=4)])
    assert shape == NoShape("4 levels of users; three free numbers need at least 5")
    assert knee_users([], []) is None


def test_a_bend_by_less_than_half_is_neither_model() -> None:
    shape = describe([disturbed(hinge_curve(30, slope=10, after=7), 0.01, generator())])
    assert isinstance(shape, NoShape)
    assert "by less than half" in shape.reason


def test_a_bend_upwards_is_neither_model() -> None:
    shape = describe([disturbed(hinge_curve(30, slope=2, after=10), 0.01, generator())])
    assert isinstance(shape, NoShape)
    assert "upwards" in shape.reason


def test_one_unusable_run_refuses_the_shape_of_all() -> None:
    good = disturbed(hinge_curve(40), 0.05, generator())
    assert isinstance(describe([good, hinge_curve(2, users=4)]), NoShape)
    assert describe([]) == NoShape("no run was measured")


def test_a_bend_at_the_first_level_is_no_measured_knee() -> None:
    """Nothing is known of the rise before the first level."""
    users = tuple(float(n) for n in range(20, 100))
    falling = RunCurve(users, tuple(500.0 - 2 * (n - 20) for n in users))
    assert knee(falling) is None


def test_only_failures_have_no_shape() -> None:
    assert describe([RunCurve(tuple(map(float, range(1, 21))), (0.0,) * 20)]) == NoShape(
        "no good answer at any number of users"
    )


def test_a_few_seconds_without_answers_do_not_move_the_knee() -> None:
    curve = disturbed(hinge_curve(40), 0.05, generator())
    rps = (*curve.rps[:70], 0.0, 0.0, *curve.rps[72:])
    assert knee(RunCurve(curve.users, rps)) == pytest.approx(40, abs=3)


def test_levels_in_random_order_give_the_knee_that_ordered_ones_give() -> None:
    curve = disturbed(hinge_curve(40), 0.05, generator())
    order = generator(2).permutation(100)
    shuffled = RunCurve(tuple(curve.users[i] for i in order), tuple(curve.rps[i] for i in order))
    assert knee(shuffled) == pytest.approx(knee(curve), rel=1e-6)


def test_fourteen_steps_are_enough_for_a_pool_of_forty() -> None:
    steps = (1, 2, 4, 6, 8, 10, 20, 30, 36, 40, 44, 60, 80, 100)
    curve = disturbed(RunCurve(tuple(map(float, steps)), tuple(20.0 * min(n, 40) for n in steps)), 0.03, generator())
    assert knee(curve) == pytest.approx(40, abs=2)


def test_several_runs_give_student_intervals_that_cover_the_knee() -> None:
    runs = [disturbed(hinge_curve(40), 0.05, generator(seed)) for seed in range(5)]
    shape = describe(runs)
    assert isinstance(shape, Hinge)
    assert shape.runs == 5
    assert shape.knee_users.interval.low < 40 < shape.knee_users.interval.high
    assert shape.knee_users.interval.high - shape.knee_users.interval.low < 4


def test_one_runs_interval_covers_its_knee_about_as_often_as_it_says() -> None:
    fits = [fit_hinge(disturbed(hinge_curve(40), 0.07, generator(seed))) for seed in range(200)]
    covered = np.mean([fit.knee_low <= 40 <= fit.knee_high for fit in fits])
    assert 0.90 <= covered <= 0.99


def test_points_that_move_together_count_for_fewer() -> None:
    values = generator().normal(0, 0.1, 200)
    assert effective_count(values) > 170
    assert effective_count(np.repeat(values[:20], 10)) < 30


def test_without_noise_usl_is_exact() -> None:
    fit = fit_usl(usl_curve(0.1, 0.001, one_user=25.0))
    assert (fit.one_user, fit.sigma, fit.kappa) == pytest.approx((25.0, 0.1, 0.001), rel=1e-4)


@pytest.mark.parametrize(
    ("users", "rps"), [((1.0, 2.0), (1.0,)), ((0.0, 2.0), (1.0, 1.0)), ((1.0, 2.0), (1.0, float("nan")))]
)
def test_a_curve_without_sense_is_refused(users: tuple[float, ...], rps: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"against|above 0|0 or more"):
        RunCurve(users, rps)
