"""The example session that is kept in the repository: a real one, judged from its files."""

from pathlib import Path

import numpy as np
import pytest

from loopbench.judge.run.windows import goodput_by_users
from loopbench.judge.session.session_report import SessionReport, judge_session
from loopbench.records.session import file_facts, read_run, run_folders

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
RISE = np.arange(0.5, 31, 10).tolist()


@pytest.fixture(scope="module")
def report() -> SessionReport:
    return judge_session(EXAMPLE)


def test_every_file_is_as_it_was_written() -> None:
    for folder in run_folders(EXAMPLE):
        assert file_facts(folder) == read_run(folder).files


def test_server_samples_and_locust_counted_the_same(report: SessionReport) -> None:
    assert report.counts_agree
    assert len(report.runs) == 4
    for run in report.runs:
        assert run.record.counts.samples
        assert run.failures == 0
        assert run.notes == ()


def test_both_roads_lead_to_the_same_curve(report: SessionReport) -> None:
    """From our samples and from Locust's history alone: within 5 % in every bin of the rise and 3 % in the hold."""
    for run in report.runs:
        assert run.csv_curve is not None
        own, csv = (goodput_by_users(curve.steps, RISE) for curve in (run.curve, run.csv_curve))
        assert csv == pytest.approx(own, rel=0.05), run.variant.name
        assert run.csv_curve.hold is not None
        assert run.csv_curve.hold.goodput_rps == pytest.approx(run.goodput_rps, rel=0.03), run.variant.name


def test_the_runs_took_what_the_plan_said(report: SessionReport) -> None:
    """Two recorded figures, held against each other; nothing is timed here."""
    expected_s = {run.number: run.expected_s for run in report.record.plan}
    for run in report.runs:
        assert run.record.wall_s == pytest.approx(expected_s[run.record.number], rel=0.05)


def test_it_is_an_example_that_can_be_trusted(report: SessionReport) -> None:
    assert report.stamp.label in {"VALID", "VALID (DEGRADED)"}
