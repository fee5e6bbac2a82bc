"""What a variant could do at most, and what a measured throughput says against it."""

import math

import pytest

from loopbench.judge.diagnosis.ceilings import USERS, Bound, Ceilings

LOOP, POOL, DISK = Bound("event loop", 100.0), Bound("pool", 400.0), Bound("disk", 102.0)


def ceilings(answers_rps: float, *resources: Bound, users: float = 100, think_time_s: float = 0.0) -> Ceilings:
    """Of a run in which a request alone takes 10 ms."""
    return Ceilings(resources, 0.01, think_time_s, users, answers_rps)


def test_the_lowest_bound_is_the_ceiling() -> None:
    assert ceilings(90.0, POOL, LOOP).bounds == (LOOP, POOL, Bound(USERS, 10_000.0))


def test_few_users_are_their_own_ceiling_and_think_time_counts() -> None:
    lowest = [ceilings(50, POOL, users=users, think_time_s=0.19).bounds[0] for users in (10, 80, 100)]
    assert [name for name, _ in lowest] == [USERS, POOL.name, POOL.name]
    assert lowest[0].rps == pytest.approx(50)


@pytest.mark.parametrize(
    ("measured_rps", "meaning", "limits"),
    [
        (103, "limited by event loop", ("event loop",)),
        (101.9, "limited by event loop", ("event loop",)),
        (95, "limited by event loop", ("event loop",)),
        (94, "below its ceiling, the event loop bound", ()),
        (80, "below its ceiling, the event loop bound", ()),
        (79, "nothing known explains it", ()),
        (0, "nothing known explains it", ()),
    ],
)
def test_a_throughput_is_limited_below_or_unexplained(
    measured_rps: float, meaning: str, limits: tuple[str, ...]
) -> None:
    found = ceilings(measured_rps, LOOP, POOL)
    assert found.ratio == pytest.approx(measured_rps / 100)
    assert meaning in found.sentence
    assert found.limits == limits


def test_every_bound_within_five_per_cent_is_named() -> None:
    found = ceilings(99, LOOP, DISK)
    assert found.limits == ("event loop", "disk")
    assert found.sentence == "99 of 100 requests/s (99 %): limited by event loop and disk"


def test_without_any_bound_the_ceiling_is_infinite() -> None:
    assert Ceilings((), 0.0, 0.0, 1, 5.0).bounds == ((USERS, math.inf),)
