"""The canary runs on the given processors, does the same work every time, and moves no other process."""

import os

import pytest

from loopbench.measure import canary, canary_work
from loopbench.measure.canary import Beat, measure_canary, measure_each
from loopbench.measure.machine import available_cores

NO_SUCH_CPU = 100_000


def test_the_work_is_the_same_every_time() -> None:
    assert canary_work.piece(bytearray(canary_work.TABLE_BYTES)) == canary_work.piece(
        bytearray(canary_work.TABLE_BYTES)
    )


@pytest.mark.real
def test_it_runs_on_each_core_and_leaves_the_harness_where_it_was() -> None:
    before, cores = os.sched_getaffinity(0), available_cores()
    beats = measure_each(cores, pieces=2)
    assert len(beats) == len(cores)
    assert all(beat is not None and beat.piece_s > 0 for beat in beats)
    assert os.sched_getaffinity(0) == before


@pytest.mark.real
def test_it_runs_unpinned_where_nobody_is_pinned() -> None:
    figure = measure_canary((), pieces=2)
    assert figure is not None
    assert figure > 0


@pytest.mark.real
def test_a_processor_that_is_not_there_gives_no_figure() -> None:
    assert measure_canary((available_cores()[0], NO_SUCH_CPU), pieces=2) is None


def test_the_slower_of_target_and_generator_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []

    def each(cpus: tuple[int, ...], _: int) -> tuple[Beat | None, ...]:
        asked.append(cpus)
        return tuple(Beat(0.010 + cpu / 1000, None) for cpu in cpus)

    monkeypatch.setattr(canary, "measure_each", each)
    assert measure_canary((0, 1, 2, 3)) == pytest.approx(0.013)
    assert measure_canary((2,)) == pytest.approx(0.012)
    assert asked == [(0, 3), (2,)]
