"""The alarm clock never rings early, lets others run meanwhile, and works without timerfd."""

# mypy: allow-untyped-calls
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from locustfiles.precise_timer import PreciseTimer


@pytest.fixture(params=["timerfd", "gevent"])
def timer(request: pytest.FixtureRequest) -> Iterator[PreciseTimer]:
    timer = PreciseTimer()
    if request.param == "gevent":
        timer.close()
    yield timer
    timer.close()


def test_it_never_rings_early(timer: PreciseTimer) -> None:
    for gap_s in (0.0001, 0.001, 0.005, 0.0001):
        due_s = time.perf_counter() + gap_s
        timer.wait_until(due_s)
        assert time.perf_counter() >= due_s


def test_a_moment_that_is_past_is_not_waited_for(timer: PreciseTimer) -> None:
    others: list[str] = []
    gevent.spawn(others.append, "ran")
    timer.wait_until(time.perf_counter() - 1)
    assert others == []


def test_others_run_meanwhile(timer: PreciseTimer) -> None:
    others: list[str] = []
    gevent.spawn(others.append, "ran")
    timer.wait_until(time.perf_counter() + 0.005)
    assert others == ["ran"]


def test_closing_gives_the_descriptor_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    timer = PreciseTimer()
    timer.close()
    timer.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
