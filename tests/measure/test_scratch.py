"""Temporary folders do not pile up when loopbench is killed."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from loopbench.measure.scratch import PREFIX, scratch_folder

HOLDS = """
from loopbench.measure.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "copy").write_text("code")
    print(folder, flush=True)
    input()
"""


def aged(folder: Path) -> Path:
    os.utime(folder, (0, 0))
    return folder


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.real
def test_a_killed_process_leaves_a_folder_that_the_next_one_removes() -> None:
    """While the process lives, the folder stays."""
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        left = aged(Path(holder.stdout.readline().strip()))
        with scratch_folder():
            assert (left / "copy").exists()
        holder.kill()
    with scratch_folder():
        assert not left.exists()


def test_a_link_a_file_and_a_young_folder_are_left_alone(tmp_path: Path) -> None:
    """Only an abandoned folder of loopbench is removed."""
    elsewhere, young = tmp_path / "elsewhere", tmp_path / f"{PREFIX}young"
    elsewhere.mkdir()
    young.mkdir()
    aged(elsewhere)
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{PREFIX}file").touch()
    aged(tmp_path / f"{PREFIX}file")
    before = set(tmp_path.iterdir())
    with scratch_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(tmp_path.iterdir()) == before
