"""One measurement at a time for one user, unless the caller asks otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.lock import LOCK_VARIABLE, IfBusy, lock_path, one_at_a_time

HOLDER = """
import sys
from loopbench.measure.lock import one_at_a_time
with one_at_a_time():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lock of one test."""
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / "lock"))
    return tmp_path / "lock"


@pytest.fixture
def holder(lock_file: Path) -> "subprocess.Popen[str]":
    """Another process that holds the lock until its stdin is closed."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert lock_file.exists()
    return process


def test_a_second_measurement_is_refused_with_the_holder_s_process_id(holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(EnvironmentRefusedError) as refused, one_at_a_time():
        pass
    assert str(holder.pid) in refused.value.where
    holder.communicate("")


def test_a_second_measurement_may_wait_for_the_first_to_end(holder: "subprocess.Popen[str]") -> None:
    sentences: list[str] = []

    def end_it(sentence: str) -> None:
        sentences.append(sentence)
        holder.communicate("")

    with one_at_a_time(IfBusy.WAIT, end_it):
        assert sentences == [f"waiting for another loopbench to end (process {holder.pid})"]


def test_a_second_measurement_may_run_without_the_lock(holder: "subprocess.Popen[str]") -> None:
    with one_at_a_time(IfBusy.MEASURE_ANYWAY):
        pass
    holder.communicate("")


def test_the_lock_is_released_when_its_holder_is_killed(holder: "subprocess.Popen[str]", lock_file: Path) -> None:
    holder.kill()
    holder.communicate()
    with one_at_a_time():
        assert lock_file.read_text() == str(os.getpid())


def test_two_lock_files_do_not_exclude_each_other(
    holder: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOCK_VARIABLE, str(tmp_path / "another"))
    with one_at_a_time():
        pass
    holder.communicate("")


def test_the_path_is_the_variable_s_or_one_per_user_in_the_runtime_directory(tmp_path: Path) -> None:
    assert lock_path({LOCK_VARIABLE: "/x/y", "XDG_RUNTIME_DIR": str(tmp_path)}) == Path("/x/y")
    assert lock_path({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "loopbench.lock"
    alone = lock_path({"XDG_RUNTIME_DIR": str(tmp_path / "gone"), "TMPDIR": str(tmp_path)})
    assert str(os.getuid()) in str(alone)
    assert tmp_path not in alone.parents


@pytest.mark.parametrize("kind", ["a link", "a folder", "in no folder"])
def test_a_lock_file_that_cannot_be_opened_is_an_environment_error(
    lock_file: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "a link":
        lock_file.symlink_to(lock_file.with_name("target"))
    elif kind == "a folder":
        lock_file.mkdir()
    else:
        monkeypatch.setenv(LOCK_VARIABLE, str(lock_file / "deeper"))
    with pytest.raises(EnvironmentRefusedError, match="the lock file cannot be opened"), one_at_a_time():
        pass
    assert not lock_file.with_name("target").exists()


@pytest.mark.parametrize("planted", ["pipe", "second name"])
def test_what_another_user_put_in_its_place_is_not_overwritten(lock_file: Path, tmp_path: Path, planted: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("content")
    if planted == "pipe":
        os.mkfifo(lock_file)
    else:
        os.link(precious, lock_file)
    with pytest.raises(EnvironmentRefusedError, match="second name"), one_at_a_time():
        pass
    assert precious.read_text() == "content"
