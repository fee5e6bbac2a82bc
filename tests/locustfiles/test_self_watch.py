"""The generator's self-watch, on clocks that the test moves."""

from pathlib import Path

import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.self_watch import BEAT_S, SelfWatch
from loopbench.locustfiles.sinks import FileSink
from loopbench.records.generator_watch import WatchedSecond


class Clocks:
    """Wall and CPU time that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.cpu_s = 7.0
        self.opened = 40


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def watch(clocks: Clocks) -> SelfWatch:
    return SelfWatch(
        90.0, connections=lambda: clocks.opened, clock=lambda: clocks.now_s, cpu_clock=lambda: clocks.cpu_s
    )


def test_a_second_has_the_changes_since_the_last(watch: SelfWatch, clocks: Clocks) -> None:
    clocks.now_s, clocks.cpu_s, clocks.opened = 101.0, 7.25, 43
    assert watch.take() == WatchedSecond(11.0, 1.0, 0.25, (), 3)
    clocks.now_s, clocks.cpu_s = 103.0, 8.25
    second = watch.take()
    assert second == WatchedSecond(13.0, 2.0, 1.0, (), 0)
    assert second.cpu_share == 0.5


def test_uncounted_connections_are_none_not_zero(clocks: Clocks) -> None:
    watch = SelfWatch(90.0, clock=lambda: clocks.now_s, cpu_clock=lambda: clocks.cpu_s)
    clocks.now_s += 1
    assert watch.take().new_connections is None


def test_the_lag_is_the_time_after_the_due_time(watch: SelfWatch, clocks: Clocks) -> None:
    clocks.now_s = 100.003
    assert watch.beat(100.0) == pytest.approx(100.0 + BEAT_S)
    assert watch.take().lags_us == (3000,)


def test_a_blocked_loop_has_a_late_beat_for_every_missed_one(watch: SelfWatch, clocks: Clocks) -> None:
    clocks.now_s = 101.0
    assert watch.beat(100.0) > 101.0
    lags_us = watch.take().lags_us
    assert len(lags_us) in {50, 51}
    assert lags_us[0] == 1_000_000
    assert lags_us == tuple(sorted(lags_us, reverse=True))


def test_watched_seconds_are_read_back_with_the_samples(tmp_path: Path) -> None:
    recorder = Recorder(FileSink(tmp_path / "samples-0.bin"), "nonce")
    seconds = (WatchedSecond(1.0, 1.0, 0.25, (10, 20), 5), WatchedSecond(2.0, 1.0, 0.5, (), None))
    for second in seconds:
        recorder.watched(second)
        recorder.flush()
    recorder.close(locust_requests=0)
    assert read_samples(tmp_path).watch == (seconds,)
