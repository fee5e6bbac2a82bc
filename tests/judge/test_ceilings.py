"""What a variant could do at most, and what a measured throughput says against it."""

import math

import pytest

from loopbench.judge.run.ceilings import (
    USERS,
    Limits,
    Resource,
    Standing,
    anyio_limiter,
    cpu_cores,
    event_loop,
    read,
)

CASES = (
    # 100 users without think time; the predictions that were measured on a 2-core machine
    ("blocked loop", Limits((event_loop(1 / 49),), alone_s=1 / 49), 49.0, "event loop"),
    ("def", Limits((anyio_limiter(0.020),), alone_s=0.020), 2000.0, "anyio limiter of 40"),
    ("cores", Limits((cpu_cores(0.004, cores=2), event_loop(0.001)), alone_s=0.004), 500.0, "2 CPU cores"),
    ("nothing held", Limits((event_loop(0.0),), alone_s=0.05), 2000.0, USERS),
)


@pytest.mark.parametrize(("limits", "rps", "name"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_lowest_bound_is_the_ceiling_and_has_a_name(limits: Limits, rps: float, name: str) -> None:
    ceiling = limits.at(100)
    assert ceiling.rps == pytest.approx(rps)
    assert ceiling.limited_by == name


def test_few_users_are_their_own_ceiling_and_think_time_counts() -> None:
    limits = Limits((anyio_limiter(0.050),), alone_s=0.050, think_time_s=0.150)
    assert limits.at(10).limited_by == USERS
    assert limits.at(10).rps == pytest.approx(50)
    assert [limits.at(users).rps for users in (10, 160, 200)] == pytest.approx([50, 800, 800])


@pytest.mark.parametrize(
    ("measured_rps", "standing", "limits"),
    [
        (103, Standing.IMPOSSIBLE, ()),
        (101.9, Standing.LIMITED, ("event loop",)),
        (95, Standing.LIMITED, ("event loop",)),
        (94, Standing.BELOW, ()),
        (80, Standing.BELOW, ()),
        (79, Standing.UNEXPLAINED, ()),
        (0, Standing.UNEXPLAINED, ()),
    ],
)
def test_standings(measured_rps: float, standing: Standing, limits: tuple[str, ...]) -> None:
    reading = read(measured_rps, Limits((event_loop(0.01), anyio_limiter(0.1)), alone_s=0.01).at(100))
    assert (reading.standing, reading.limits) == (standing, limits)
    assert reading.ratio == pytest.approx(measured_rps / 100)


def test_sixty_requests_a_second_from_a_loop_blocked_for_twenty_milliseconds_are_impossible() -> None:
    reading = read(60, Limits((event_loop(0.020),), alone_s=0.020).at(100))
    assert reading.standing is Standing.IMPOSSIBLE
    assert "event loop" in reading.sentence


def test_every_bound_within_five_per_cent_is_named() -> None:
    limits = Limits((Resource("pool", 10, 0.1), Resource("disk", 1, 1 / 102)), alone_s=0.1)
    reading = read(99, limits.at(100))
    assert reading.limits == ("pool", "disk")
    assert reading.sentence == "99 of 100 requests/s (99 %): limited by pool and disk"


def test_a_low_reading_says_that_nothing_known_explains_it() -> None:
    assert "nothing known explains it" in read(50, Limits((event_loop(0.01),), alone_s=0.01).at(100)).sentence


def test_without_any_bound_the_ceiling_is_infinite() -> None:
    assert Limits((), alone_s=0.0).at(1).rps == math.inf
