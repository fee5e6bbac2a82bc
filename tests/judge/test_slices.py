"""A run in slices gives the figures of one without: its window consists of parts, and nothing between them counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.judge.rounds.plateau_run import judge_plateau
from loopbench.judge.run.latency import window_percentiles
from loopbench.judge.run.run import Run
from loopbench.judge.stamp.metrics import Measured, Metrics, NotApplicable
from loopbench.judge.stamp.open_session import run_metrics, stamp_run
from loopbench.records.load_spec import SliceTimes
from loopbench.records.samples import PHASE_DRAIN, PHASE_HOLD, PHASE_SETTLE, PHASE_STOPPED, PHASE_WARMUP
from loopbench.records.sensors import SensorRow
from loopbench.records.session import Phase
from tests.judge.recorded_run import Made, session_of, write_run

PHASES = (
    Phase(PHASE_WARMUP, 0.0, 1.0),
    Phase(PHASE_SETTLE, 1.0, 2.0),
    Phase(PHASE_HOLD, 2.0, 4.0),
    Phase(PHASE_DRAIN, 4.0, 4.1),
    Phase(PHASE_STOPPED, 4.1, 5.9),
    Phase(PHASE_SETTLE, 5.9, 6.0),
    Phase(PHASE_HOLD, 6.0, 8.0),
    Phase(PHASE_DRAIN, 8.0, 8.1),
)
SLOW_BETWEEN_SLICES = Made(service_s=lambda at_s, _user: 0.3 if 4.1 < at_s < 5.6 else 0.02, record={"phases": PHASES})


def metrics_of(run: Run) -> Metrics:
    return run_metrics(run, session_of(run))


def test_what_happens_between_slices_changes_no_figure(tmp_path: Path) -> None:
    whole, sliced = write_run(tmp_path / "a"), write_run(tmp_path / "b", SLOW_BETWEEN_SLICES)
    (of_whole,), (of_slices,) = whole.windows, sliced.windows
    assert of_slices.width_s == 4.0
    assert sliced.goodput_rps(of_slices) == pytest.approx(whole.goodput_rps(of_whole), rel=0.01)
    assert sliced.occupation[of_slices].in_flight == pytest.approx(whole.occupation[of_whole].in_flight, rel=0.02)
    assert window_percentiles(sliced.samples, "def", of_slices).p99_ms == pytest.approx(20.0, rel=0.1)
    assert metrics_of(sliced)["change_points"] == Measured(0, "")


def test_response_times_are_counted_in_the_shortest_slice(tmp_path: Path) -> None:
    run = write_run(tmp_path, SLOW_BETWEEN_SLICES)
    run.__dict__["spec"] = run.spec.model_copy(update={"slices": SliceTimes(2, 0.1, 0.1, 2.0)})
    metrics = metrics_of(run)
    assert isinstance(metrics["window_response_times"], Measured)
    assert metrics["window_response_times"].value == pytest.approx(2.0 / 0.02, rel=0.01)
    assert isinstance(metrics["window_s"], NotApplicable)


def test_a_target_waits_for_a_processor_only_while_it_is_awake(tmp_path: Path) -> None:
    def late(row: SensorRow) -> SensorRow:
        return replace(row, target=replace(row.target, run_queue_delay_s=0.07))

    metrics = metrics_of(write_run(tmp_path, replace(SLOW_BETWEEN_SLICES, sensor=late)))
    assert isinstance(metrics["run_queue_share"], Measured)
    assert metrics["run_queue_share"].value == pytest.approx(0.07 / 0.7, rel=0.01)  # stopped for 1.8 of 6 s


def test_a_slice_that_is_shorter_than_a_row_of_the_sensors_is_judged_by_the_rows_it_touches(tmp_path: Path) -> None:
    """The target is awake from 2.3 to 2.9 s, and half a row of a second lies in no slice."""
    phases = (
        Phase(PHASE_STOPPED, 0.0, 2.3),
        Phase(PHASE_SETTLE, 2.3, 2.4),
        Phase(PHASE_HOLD, 2.4, 2.8),
        Phase(PHASE_DRAIN, 2.8, 2.9),
        Phase(PHASE_STOPPED, 2.9, 9.0),
    )

    def late(row: SensorRow) -> SensorRow:
        return replace(row, target=replace(row.target, run_queue_delay_s=0.06))

    metrics = metrics_of(write_run(tmp_path, Made(sensor=late, record={"phases": phases})))
    assert isinstance(metrics["run_queue_share"], Measured)
    assert metrics["run_queue_share"].value == pytest.approx(0.06 / 0.6, rel=0.01)
    assert isinstance(metrics["generator_busy_share"], Measured)


def test_a_slice_that_is_shorter_than_a_user_s_cycle_is_counted_until_the_last_answer(tmp_path: Path) -> None:
    """20 users begin together and are answered after 2 s: 10 a second, of which the first second shows none."""
    names = (PHASE_WARMUP, PHASE_HOLD, PHASE_DRAIN, PHASE_STOPPED)
    phases = tuple(map(Phase, names, (0.0, 1.0, 1.5, 3.5), (1.0, 1.5, 3.5, 9.0)))
    run = write_run(tmp_path, Made(service_s=lambda *_: 2.0, record={"phases": phases}))
    for until_drained, answers in ((0.0, 20), (0.1, 0)):
        run.forget()
        run.__dict__["spec"] = run.spec.model_copy(update={"slices": SliceTimes(1, 0.1, until_drained, 0.5)})
        assert run.goodput_rps(run.phase(PHASE_HOLD)) * run.windows[0].width_s == answers
        assert run.occupation[run.windows[0]].in_flight == pytest.approx(20, rel=0.05)
    run.forget()
    run.__dict__["spec"] = run.spec.model_copy(update={"slices": SliceTimes(1, 0.1, 0.0, 0.5)})
    judged = judge_plateau(run, (), stamp_run(run, session_of(run)))
    assert judged.own.shown("p50").startswith("over "), "the queue began empty"
    assert (judged.health.watched_s, judged.health.in_flight) == (2.5, 0)
