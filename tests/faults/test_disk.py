"""The disk and the clock fail while a run is under way: that run is lost and said to be, the others stay."""

import shutil
import signal
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.records.session import RUNS_FOLDER, run_folders
from tests.faults.fault import Fault, table
from tests.faults.faults import Ended, Measuring, begun_session, check_end, left_behind, loopbench, write_scenario
from tests.faults.planted import with_planted

pytestmark = pytest.mark.real

LOST = ["error[results-lost]", "the run under way is lost", "1 of 2 runs are complete", "--resume"]


def _lost(name: str, reason: str, *, nightly: bool = False) -> Fault:
    return Fault(name, ExitCode.ENVIRONMENT, [*LOST, reason], command=with_planted(name), nightly=nightly)


FAULTS = [
    _lost("fsync EIO", "Input/output error"),
    _lost("rename EXDEV", "Invalid cross-device link", nightly=True),
    _lost("disk full", "No space left on device", nightly=True),
    Fault("clock steps", ExitCode.OK, [], command=with_planted("clock steps"), nightly=False),
]


@table(FAULTS)
def test_the_disk_or_the_clock_fails(fault: Fault, finished_run: Path, tmp_path: Path) -> None:
    """A failed write loses the run under way and nothing else; a wall clock that steps disturbs nothing."""
    fault.check(finished_run, tmp_path)


def test_a_session_goes_on_after_the_disk_has_failed(finished_run: Path, tmp_path: Path) -> None:
    """The same command with --resume measures what was lost."""
    failed = _lost("read-only", "Read-only file system").check(finished_run, tmp_path)
    with Measuring(failed.folder, failed.folder / "case.toml", "--resume", failed.session) as measuring:
        ended = measuring.end()
    check_end(ended, 0)
    assert len(list(run_folders(ended.session))) == 2


@pytest.mark.nightly
def test_the_folder_is_removed_in_the_middle(finished_run: Path, tmp_path: Path) -> None:
    """What is gone is gone, but it is said, and nothing runs on."""
    file = write_scenario(tmp_path, hold_s=3)
    session = begun_session(file, finished_run)
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("phase", phase="hold")
        shutil.rmtree(session / RUNS_FOLDER)
        ended = measuring.end()
    assert ended.code in {ExitCode.ENVIRONMENT, ExitCode.GENERATOR, ExitCode.TARGET}, ended.stderr
    assert "Traceback" not in "\n".join(ended.own_words)
    assert left_behind(tmp_path) == []


def test_a_signal_while_drawing_is_told_what_is_kept(healthy: Ended, tmp_path: Path) -> None:
    """Everything is measured by then: `loopbench report` draws it again."""
    file = write_scenario(tmp_path)
    session = tmp_path / healthy.session.relative_to(healthy.folder)
    shutil.copytree(healthy.session, session)
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("session_ended")
        measuring.process.send_signal(signal.SIGTERM)
        ended = measuring.end()
    assert ended.code == -signal.SIGTERM
    assert "stopped by SIGTERM while drawing" in ended.stderr
    assert "try: loopbench report" in ended.stderr
    assert loopbench("report", session, folder=tmp_path).code == 0
