"""Variables of the shell and files of the current folder that would change a measurement silently."""

import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.records.session import read_run, read_session, run_folders
from tests.faults.faults import LOOPBENCH, Ended, Measuring, check_end, write_scenario
from tests.faults.shared_sessions import HOSTILE

pytestmark = pytest.mark.real


def test_a_hostile_environment_changes_nothing_and_is_recorded(healthy: Ended) -> None:
    for folder in run_folders(healthy.session):
        run = read_run(folder)
        assert run.users_started == 3
        assert len(run.target_pids) == 1
        assert run.counts.agree
    assert set(HOSTILE) <= set(read_session(healthy.session).environment_ignored)


@pytest.mark.nightly
def test_64_descriptors_are_enough_for_a_small_session(tmp_path: Path) -> None:
    file = write_scenario(tmp_path)
    few = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *LOOPBENCH]
    with Measuring(tmp_path, file, "--seed", "0", command=few) as measuring:
        check_end(measuring.end(), 0)


@pytest.mark.real
def test_a_module_of_the_current_folder_is_not_imported(tmp_path: Path) -> None:
    """`python -m` puts the current folder first, and a downloaded project may hold a `typer.py`."""
    (tmp_path / "typer.py").write_text("raise SystemExit('imported')\n")
    command = [sys.executable, "-m", "loopbench", "--version"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, "imported" in ended.stderr) == (ExitCode.OK, False)
