"""A session folder is written whole or not at all, and never over another."""

from pathlib import Path

import pytest

from loopbench.errors import EnvironmentRefusedError, ExitCode
from loopbench.measure import store
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import to_json
from loopbench.records.session import Counts, RunRecord, file_facts, read_run, rejected_runs, run_folders

RECORD = RunRecord(
    format=FORMAT_VERSION, number=1, kind="ramp", round=0, variant="a", attempt=1, nonce="n", started="", wall_s=1.0,
    load_s=1.0, port=1, target_command=(), load_command=(), target_pids=(), target_cpus=(), generator_cpus=(),
    target_exit="", generator_exit="", phases=(), users_started=1, counts=Counts(1, 1, 1, 0), canary_before_s=None,
    canary_after_s=None, services=(), receipt=None, files=(),
)  # fmt: skip


def test_two_sessions_in_one_second_get_two_folders(tmp_path: Path) -> None:
    assert store.new_session_folder(tmp_path) != store.new_session_folder(tmp_path)


def test_results_that_cannot_be_written_are_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentRefusedError) as caught:
        store.new_session_folder(tmp_path / "file" / "scenario")
    assert caught.value.exit_code == ExitCode.ENVIRONMENT


def test_a_run_counts_only_once_it_is_committed(tmp_path: Path) -> None:
    session = store.new_session_folder(tmp_path)
    folder = store.begin_run(session, "0001-ramp-a")
    (folder / "samples-0.bin").write_bytes(b"x")
    assert list(run_folders(session)) == []
    store.finish_run(folder, RECORD)
    assert list(run_folders(session)) == []
    final = store.commit_run(folder, "0001-ramp-a")
    assert list(run_folders(session)) == [final]
    assert read_run(final) == RECORD


def test_a_failed_attempt_stays_beside_the_next(tmp_path: Path) -> None:
    session = store.new_session_folder(tmp_path)
    first, second = (store.begin_run(session, "0001-ramp-a") for _ in range(2))
    assert first.is_dir()
    assert (store.attempt_of(first), store.attempt_of(second)) == (1, 2)


def test_a_finished_attempt_that_was_repeated_is_told_from_one_that_failed(tmp_path: Path) -> None:
    session = store.new_session_folder(tmp_path)
    rejected, _failed = (store.begin_run(session, "0001-plateau-a") for _ in range(2))
    store.finish_run(rejected, RECORD)
    assert rejected_runs(session) == ("0001-plateau-a",)


def test_file_facts_notice_a_changed_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "run.json").write_text(to_json(RECORD))
    before = file_facts(tmp_path)
    (tmp_path / "a").write_bytes(b"abd")
    assert [fact.name for fact in before] == ["a"]
    assert before != file_facts(tmp_path)
