"""The timer never wakes early, lets other greenlets run meanwhile, and works without timerfd."""

# mypy: allow-untyped-calls
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from loopbench.locustfiles.precise_timer import PreciseTimer


@pytest.fixture(params=["timerfd", "gevent"])
def timer(request: pytest.FixtureRequest) -> Iterator[PreciseTimer]:
    timer = PreciseTimer()
    if request.param == "gevent":
        timer.close()
    yield timer
    timer.close()


def test_it_never_wakes_early(timer: PreciseTimer) -> None:
    for gap_s in (0.0001, 0.001, 0.005, 0.0001):
        due_s = time.perf_counter() + gap_s
        timer.wait_until(due_s)
        assert time.perf_counter() >= due_s


def test_a_past_moment_returns_at_once(timer: PreciseTimer) -> None:
    others: list[str] = []
    gevent.spawn(others.append, "ran")
    timer.wait_until(time.perf_counter() - 1)
    assert others == []


def test_other_greenlets_run_meanwhile(timer: PreciseTimer) -> None:
    others: list[str] = []
    gevent.spawn(others.append, "ran")
    timer.wait_until(time.perf_counter() + 0.005)
    assert others == ["ran"]


def test_close_closes_the_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    timer = PreciseTimer()
    timer.close()
    timer.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
