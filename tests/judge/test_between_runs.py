"""What a session is told between its runs."""

from pathlib import Path

import pytest

from loopbench.judge.rounds.between_runs import LONGEST_WINDOW_S, least_window_s
from loopbench.records.codec import to_json
from loopbench.records.session import KIND_RAMP, SESSION_FILE
from tests.judge.recorded_run import SESSION, Made, write_run


def session(folder: Path, service_s: float) -> Path:
    """With one ramp, in which every answer takes so long."""
    write_run(folder, Made(kind=KIND_RAMP, hold_s=40.0, think_s=0.0, service_s=lambda _at_s, _user: service_s))
    (folder / SESSION_FILE).write_text(to_json(SESSION))
    return folder


def test_a_window_lasts_until_every_user_has_had_a_handful_of_answers(tmp_path: Path) -> None:
    assert least_window_s(session(tmp_path, 2.0), "def") == pytest.approx(12.0, rel=0.1)


def test_a_window_does_not_last_for_ever(tmp_path: Path) -> None:
    assert least_window_s(session(tmp_path, 15.0), "def") == LONGEST_WINDOW_S


def test_without_a_ramp_nothing_is_asked_of_the_window(tmp_path: Path) -> None:
    (tmp_path / SESSION_FILE).write_text(to_json(SESSION))
    assert least_window_s(tmp_path, "def") == 0.0
