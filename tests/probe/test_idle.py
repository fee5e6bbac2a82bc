"""Exact idle time, with a selector and a clock that the test controls."""

from typing import Any

import pytest
from loopbench_probe import idle
from loopbench_probe.idle import SelectorIdle


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.cpu_s = 5.0

    def monotonic(self) -> float:
        """Stands in for `time.monotonic`."""
        return self.now_s

    def process_time(self) -> float:
        """Stands in for `time.process_time`."""
        return self.cpu_s


class Selector:
    """Waits for a given time, and calls a function meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.takes_s = self.cpu_s = 0.0
        self.meanwhile: Any = lambda: None

    def select(self, timeout: float | None = None) -> list[float | None]:
        """Return the timeout after the given time."""
        self.clock.now_s += self.takes_s
        self.clock.cpu_s += self.cpu_s
        self.meanwhile()
        return [timeout]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(idle, "time", clock)
    return clock


@pytest.mark.parametrize(
    ("timeout_s", "takes_s", "cpu_s", "idle_s"),
    [
        (None, 3.0, 0.0, 3.0),
        (5.0, 1.0, 1.0, 1.0),
        (0, 1.0, 0.0, 0.0),  # it must not wait
        (0.010, 0.500, 0.600, 0.012),  # another thread held the GIL for all of the lateness
        (0.010, 0.500, 0.100, 0.400),  # for some of it
        (0.010, 0.500, 0.0, 0.500),  # the machine was late
    ],
)
def test_only_a_wait_for_events_is_idle(
    clock: Clock, timeout_s: float | None, takes_s: float, cpu_s: float, idle_s: float
) -> None:
    selector = Selector(clock)
    source = SelectorIdle(selector)
    selector.takes_s, selector.cpu_s = takes_s, cpu_s
    assert selector.select(timeout_s) == [timeout_s]
    assert source.read().idle_s == pytest.approx(idle_s)


def test_the_current_wait_counts_while_it_lasts(clock: Clock) -> None:
    selector = Selector(clock)
    source = SelectorIdle(selector)
    seen = []
    selector.takes_s, selector.meanwhile = 2.0, lambda: seen.append(source.read().idle_s)
    selector.select(None)
    assert (seen, source.read().idle_s) == ([2.0], 2.0)


def test_every_return_to_the_selector_is_an_iteration(clock: Clock) -> None:
    selector = Selector(clock)
    source = SelectorIdle(selector)
    for timeout in (0, None, 0.1):
        selector.select(timeout)
    assert source.read().iterations == 3
