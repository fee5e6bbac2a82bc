"""A session with one bad run folder gives the others, and says what is wrong with the one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.judge.session.session_report import judge_session

EXAMPLE = Path(__file__).parents[2] / "results" / "example"
SAMPLES = "samples-0.bin"


def cut(run: Path) -> None:
    with (run / SAMPLES).open("r+b") as file:
        file.truncate(5_000)


def flip(run: Path) -> None:
    data = bytearray((run / SAMPLES).read_bytes())
    data[4_000] ^= 1
    (run / SAMPLES).write_bytes(data)


def swap(run: Path) -> None:
    other = next(folder for folder in run.parent.iterdir() if folder != run)
    shutil.copy(other / SAMPLES, run / SAMPLES)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "not what it was when the run was finished"),
        (flip, "not what it was when the run was finished"),
        (swap, "not what it was when the run was finished"),
        (lambda run: (run / SAMPLES).unlink(), "not what it was when the run was finished"),
        (lambda run: (run / "run.json").unlink(), "no run.json"),
        (lambda run: (run / "run.json").write_text("{"), "run.json"),
        (lambda run: run.rename(run.with_name("0009-ramp-copy")), "no run of this session's plan"),
    ],
    ids=["cut", "flipped", "another-run", "no-samples", "no-record", "torn-record", "foreign"],
)
def test_one_bad_run_costs_only_itself(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    damage(min((session / "runs").iterdir()))
    report = judge_session(session)
    assert len(report.runs) == 3
    (said,) = report.damaged
    assert reason in said


def test_a_lost_side_file_costs_a_note_only(tmp_path: Path) -> None:
    session = shutil.copytree(EXAMPLE, tmp_path / "session")
    (min((session / "runs").iterdir()) / "locust_stats_history.csv").unlink()
    report = judge_session(session)
    assert len(report.runs) == 4
    assert report.damaged == ()
    assert [run.csv_curve is None for run in report.runs].count(True) == 1
