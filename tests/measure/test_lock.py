"""One measurement at a time, unless somebody says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure import lock
from loopbench.measure.lock import IfBusy, one_at_a_time

HOLDER = """
import sys
from loopbench.measure import lock
lock.LOCK_FILE = sys.argv[1]
with lock.one_at_a_time():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of this test alone."""
    monkeypatch.setattr(lock, "LOCK_FILE", str(tmp_path / "lock"))
    return tmp_path / "lock"


@pytest.fixture
def holder(lock_file: Path) -> "subprocess.Popen[str]":
    """Another process that measures until its stdin is closed."""
    line = [sys.executable, "-c", HOLDER, str(lock_file)]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_is_refused_and_told_who_holds_it(holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(EnvironmentRefusedError) as refused, one_at_a_time():
        pass
    assert str(holder.pid) in refused.value.where
    holder.communicate("")


def test_a_second_one_may_wait_for_the_first_to_end(holder: "subprocess.Popen[str]") -> None:
    said: list[str] = []

    def end_it(sentence: str) -> None:
        said.append(sentence)
        holder.communicate("")

    with one_at_a_time(IfBusy.WAIT, end_it):
        assert said == [f"waiting for another loopbench to end (process {holder.pid})"]


def test_a_second_one_may_measure_beside_the_first(holder: "subprocess.Popen[str]") -> None:
    with one_at_a_time(IfBusy.MEASURE_BESIDE_IT):
        pass
    holder.communicate("")


def test_the_lock_goes_when_its_holder_is_killed(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.communicate()
    with one_at_a_time():
        assert Path(lock.LOCK_FILE).read_text() == str(os.getpid())
