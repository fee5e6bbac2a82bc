"""The doctor's look: real processors, a real disk, and what was left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure import doctor
from loopbench.measure.doctor import examine
from loopbench.measure.machine import available_cores
from loopbench.measure.supervise import MARK_VARIABLE
from loopbench.records.codec import from_json, to_json
from loopbench.records.examination import Examination


@pytest.fixture(autouse=True)
def _short_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One beat, a moment's quiet, little writing: what is tested is what is seen, not for how long."""
    monkeypatch.setattr(doctor, "BETWEEN_BEATS_S", 0.01)
    monkeypatch.setattr(doctor, "LARGE_BYTES", 10_000)
    monkeypatch.setattr(doctor, "SPARE_BYTES", 10_000)


@pytest.mark.real
def test_a_look_sees_every_core_and_every_second_and_can_be_kept(tmp_path: Path) -> None:
    seen = examine(0.001, tmp_path / "not" / "yet" / "there")
    assert seen.cores == available_cores()
    assert len(seen.beats) == len(seen.seconds) >= 1
    assert all(len(beat.piece_s) == len(seen.cores) for beat in seen.beats)
    assert seen.disk.folder == str(tmp_path)
    assert len(seen.disk.fsync_s) == doctor.FSYNCS
    assert seen.disk.write_bytes_per_s is not None
    assert list(tmp_path.iterdir()) == []
    assert from_json(Examination, to_json(seen), "doctor") == seen


@pytest.mark.real
def test_what_an_earlier_loopbench_left_running_is_found(tmp_path: Path) -> None:
    left = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env=dict(os.environ) | {MARK_VARIABLE: "an earlier one"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with left:
        assert left.stdout is not None
        left.stdout.readline()  # its environment is its own from here on
        assert left.pid in {each.pid for each in examine(0.001, tmp_path).leftovers}
        left.kill()
    assert left.pid not in {each.pid for each in examine(0.001, tmp_path).leftovers}


@pytest.mark.real
def test_a_nearly_full_disk_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPARE_BYTES", 1 << 62)
    seen = examine(0.001, tmp_path)
    assert seen.disk.write_bytes_per_s is None
    assert "are free" in seen.unobservable["write_bytes_per_s"]


@pytest.mark.real
def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "fsync", refuse)
    seen = examine(0.001, tmp_path)
    assert seen.disk.fsync_s == ()
    assert "Read-only file system" in seen.unobservable["fsync_s"]


@pytest.mark.real
def test_the_doctor_reports_the_time_after_every_beat(tmp_path: Path) -> None:
    elapsed_s: list[float] = []
    seen = examine(0.001, tmp_path, elapsed_s.append)
    assert len(elapsed_s) == len(seen.beats)
