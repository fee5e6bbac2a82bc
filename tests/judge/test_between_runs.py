"""What a session decides between two runs, from runs with known answers."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from loopbench.judge.rounds.between_runs import cycle_s
from loopbench.records import codec
from loopbench.records.session import KIND_RAMP, RUNS_FOLDER, SESSION_FILE
from tests.judge.recorded_run import SESSION, Made, write_run


def failing(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The same requests, each answered wrongly."""
    rows["error"] = 1
    return rows


def session_of(folder: Path, made: Made) -> Path:
    """A session of one run."""
    write_run(folder, made)
    (folder / SESSION_FILE).write_text(codec.to_json(SESSION), encoding="utf-8")
    return folder


def test_an_answer_that_is_wrong_is_no_good_answer_of_a_user(tmp_path: Path) -> None:
    folder = session_of(tmp_path, Made(kind=KIND_RAMP, rows=failing))
    assert 0.04 < cycle_s(folder, "def") < 0.06
    assert cycle_s(folder, "def", good=True) == np.inf


def test_a_run_is_not_taken_for_that_of_a_variant_whose_name_its_own_ends_in(tmp_path: Path) -> None:
    runs = session_of(tmp_path, Made(kind=KIND_RAMP)) / RUNS_FOLDER
    (runs / "0001-ramp-def").rename(runs / "0001-ramp-up-ramp-def")
    assert cycle_s(tmp_path, "def") == 0.0
