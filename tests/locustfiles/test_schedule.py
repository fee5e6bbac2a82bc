"""Due times: even or random, at a constant or changing rate, reproducible by seed, and shared among generators."""

import math
from itertools import islice, pairwise, takewhile

import pytest

from loopbench.locustfiles.schedule import Rate, Schedule

STEADY = Rate(200.0, 200.0, 0.0)
CLIMB = Rate(0.0, 100.0, 10.0)
FALL = Rate(100.0, 10.0, 5.0)
FLAT_RAMP = Rate(50.0, 50.0, 4.0)
RATES = [STEADY, CLIMB, FALL, FLAT_RAMP]


def due(schedule: Schedule, until_s: float) -> list[float]:
    return list(takewhile(lambda at_s: at_s < until_s, schedule))


def test_constant_arrivals_have_equal_gaps() -> None:
    assert list(islice(Schedule(STEADY, "constant", 1), 5)) == [0.0, 0.005, 0.01, 0.015, 0.02]


@pytest.mark.parametrize(
    ("rate", "at_s", "expected"),
    [(STEADY, 3, 600), (CLIMB, 10, 500), (CLIMB, 5, 125), (CLIMB, 12, 700), (FALL, 5, 275), (FLAT_RAMP, 2, 100)],
)
def test_the_expected_number_is_the_integral_of_the_rate(rate: Rate, at_s: float, expected: float) -> None:
    assert rate.expected_until(at_s) == pytest.approx(expected)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("at_s", [0.001, 0.5, 3.999, 4.0, 9.99, 10.0, 25.0])
def test_moment_of_inverts_expected_until(rate: Rate, at_s: float) -> None:
    assert rate.moment_of(rate.expected_until(at_s)) == pytest.approx(at_s, rel=1e-9)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("until_s", [1.0, 7.5, 20.0])
def test_constant_arrivals_follow_the_integral_of_a_changing_rate(rate: Rate, until_s: float) -> None:
    assert len(due(Schedule(rate, "constant", 1), until_s)) == pytest.approx(rate.expected_until(until_s), abs=1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seed", range(5))
def test_exponential_arrivals_are_a_poisson_process_of_that_rate(rate: Rate, seed: int) -> None:
    """The counts of separate intervals are within five standard deviations of the expectation."""
    times_s = due(Schedule(rate, "exponential", seed), 20.0)
    for begin_s, end_s in [(0, 3), (3, 8), (8, 20)]:
        expected = rate.expected_until(end_s) - rate.expected_until(begin_s)
        found = sum(begin_s <= at_s < end_s for at_s in times_s)
        assert abs(found - expected) < 5 * math.sqrt(expected)


def test_exponential_gaps_have_equal_mean_and_deviation() -> None:
    times_s = list(islice(Schedule(STEADY, "exponential", 3), 5000))
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    mean_s = sum(gaps_s) / len(gaps_s)
    spread_s = math.sqrt(sum((gap_s - mean_s) ** 2 for gap_s in gaps_s) / len(gaps_s))
    assert mean_s == pytest.approx(0.005, rel=0.07)
    assert spread_s == pytest.approx(mean_s, rel=0.07)


def test_the_times_depend_on_the_seed_only() -> None:
    one, two = (Schedule(STEADY, "exponential", seed) for seed in (1, 2))
    assert list(islice(one, 100)) == list(islice(one, 100)) != list(islice(two, 100))


@pytest.mark.parametrize("generators", [1, 2, 3, 7])
def test_the_shares_of_all_generators_form_the_schedule(generators: int) -> None:
    schedule = Schedule(CLIMB, "exponential", 5)
    shares = [list(islice(schedule.share(index, generators), 50)) for index in range(generators)]
    assert sorted(at_s for share in shares for at_s in share) == list(islice(schedule, 50 * generators))
