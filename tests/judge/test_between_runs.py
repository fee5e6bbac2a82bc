"""The judgements that a session needs between its runs."""

import math
import re
from pathlib import Path

import pytest

from loopbench.judge.rounds import between_runs
from loopbench.judge.rounds.between_runs import MAX_WINDOW_S, cycle_s, faults_of, least_window_s
from loopbench.records.codec import to_json
from loopbench.records.session import KIND_RAMP, RUNS_FOLDER, SESSION_FILE, Counts
from tests.judge.recorded_run import SESSION, Made, Rows, write_run
from tests.plots import reports
from tests.plots.causes import repeated


def session(folder: Path, service_s: float) -> Path:
    """With one ramp, in which every answer takes so long."""
    write_run(folder, Made(kind=KIND_RAMP, hold_s=40.0, think_s=0.0, service_s=lambda _at_s, _user: service_s))
    (folder / SESSION_FILE).write_text(to_json(SESSION))
    return folder


def test_a_window_lasts_until_every_user_has_had_a_handful_of_answers(tmp_path: Path) -> None:
    assert least_window_s(session(tmp_path, 2.0), "def") == pytest.approx(12.0, rel=0.1)


def test_an_attempt_that_was_slower_than_the_ramp_lengthens_the_window_of_the_next(tmp_path: Path) -> None:
    folder = session(tmp_path, 2.0)
    slow = write_run(folder, Made(think_s=0.0, hold_s=40.0, service_s=lambda _at_s, _user: 3.0), number=2)
    slow.folder.rename(slow.folder.with_name(f".{slow.folder.name}.attempt-1"))
    assert least_window_s(folder, "def") == pytest.approx(18.0, rel=0.1)


def all_fail(rows: Rows) -> Rows:
    """Every answer is a 500."""
    rows["status"], rows["error"] = 500, 1
    return rows


def test_a_wrong_answer_ends_a_cycle_but_is_no_good_one(tmp_path: Path) -> None:
    """Else a variant that fails at once would be the fastest, and every other too slow beside it."""
    write_run(tmp_path, Made(kind=KIND_RAMP, rows=all_fail))
    (tmp_path / SESSION_FILE).write_text(to_json(SESSION))
    assert cycle_s(tmp_path, "def") == pytest.approx(0.05, rel=0.1)
    assert cycle_s(tmp_path, "def", good=True) == math.inf


def test_a_run_is_not_taken_for_that_of_a_variant_whose_name_its_own_ends_in(tmp_path: Path) -> None:
    runs = session(tmp_path, 2.0) / RUNS_FOLDER
    (runs / "0001-ramp-def").rename(runs / "0001-ramp-up-ramp-def")
    assert cycle_s(tmp_path, "def") == 0.0


def half_fail(rows: Rows) -> Rows:
    """Every second answer is a 500."""
    rows["status"][::2], rows["error"][::2] = 500, 1
    return rows


def test_a_run_that_was_disturbed_is_to_be_repeated_and_one_that_failed_is_not(tmp_path: Path) -> None:
    (tmp_path / SESSION_FILE).write_text(to_json(SESSION))
    disturbed = write_run(tmp_path, Made(record={"counts": Counts(1, 2, 3, unfinished=0)}), number=1)
    assert faults_of(disturbed.folder, tmp_path)
    failed = write_run(tmp_path, Made(rows=half_fail), number=2)
    assert faults_of(failed.folder, tmp_path) == ()


@pytest.mark.parametrize(("response_s", "window_s"), [(4.9, 29.4), (15.0, 0.0)])
def test_a_window_that_would_last_too_long_stays_raw(tmp_path: Path, response_s: float, window_s: float) -> None:
    """Its answers bound the rate: waiting for more of them would take minutes."""
    found = least_window_s(session(tmp_path, response_s), "def")
    assert found == pytest.approx(window_s, rel=0.05)
    assert found <= MAX_WINDOW_S


def test_a_round_is_reported_with_the_ratio_and_interval_of_each_pair() -> None:
    rounds = repeated(reports.session([reports.Made("a", rps=400), reports.Made("b", rps=200)])).rounds
    assert rounds is not None
    one_pair = r"a 2\.\d\d times b \[1\.\d\d, 2\.\d\d\]"
    width = r"widest interval \+-[\d.]+ % \(wanted \+-[\d.]+ %\)"
    wanted = rf"resolved, about 2 more rounds for the wanted precision; {one_pair}; {width}"
    assert re.fullmatch(wanted, between_runs._sentence(rounds, 2))


def test_rounds_without_a_valid_run_of_a_variant_are_not_called_bounded() -> None:
    rounds = repeated(reports.session([reports.Made("a"), reports.Made("b")]), invalid=["b"]).rounds
    assert rounds is not None
    assert between_runs._sentence(rounds, 0) == "every pair is INVALID so far"


def test_pairs_that_do_not_fit_into_a_line_are_counted() -> None:
    rounds = repeated(reports.twelve_variants()).rounds
    assert rounds is not None
    sentence = between_runs._sentence(rounds, None)
    assert sentence.count(" times ") == between_runs.MAX_PAIRS
    assert re.search(r"; \d+ more pairs; widest", sentence)


def test_without_a_ramp_nothing_is_asked_of_the_window(tmp_path: Path) -> None:
    (tmp_path / SESSION_FILE).write_text(to_json(SESSION))
    assert least_window_s(tmp_path, "def") == 0.0
