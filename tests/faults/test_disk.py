"""The disk and the clock fail while a run is under way: that run is lost and the user hears of it, the others stay."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.records.session import RUNS_FOLDER, run_folders
from tests.faults.commands import Command
from tests.faults.fault import Fault, alone_and_after_a_run, table
from tests.faults.faults import Ended, Measuring, begun_session, check_end, left_behind, write_scenario
from tests.faults.planted import with_planted
from tests.faults.shared_sessions import HEALTHY_THINK_TIME_S

pytestmark = pytest.mark.real

READ_ONE_LINE = ("/bin/bash", "-o", "pipefail", "-c", '"$@" | head -1', "bash")
LOST = ["error[results-lost]", "the run under way is lost", "--resume"]


def _lost(name: str, reason: str) -> Fault:
    return Fault(name, ExitCode.ENVIRONMENT, [*LOST, reason], command=with_planted(name))


FAULTS = [
    *alone_and_after_a_run(_lost("read-only", "Read-only file system")),
    _lost("rename EXDEV", "Invalid cross-device link"),
    _lost("disk full", "No space left on device"),
]


@table(FAULTS)
def test_the_disk_fails(fault: Fault, finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """A failed write loses the run under way and nothing else."""
    fault.check(finished_run, tmp_path)


@table(alone_and_after_a_run(_lost("fsync EIO", "Input/output error")))
def test_a_session_goes_on_after_the_disk_has_failed(
    fault: Fault, finished_run: Callable[[], Path], tmp_path: Path
) -> None:
    """A write fails, and --resume measures what was lost.

    Neither a wall clock that steps meanwhile nor a reader of stdout that leaves after a line disturbs it.
    """
    failed = fault.check(finished_run, tmp_path)
    file, disturbed = failed.folder / "case.toml", (*READ_ONE_LINE, *with_planted("clock steps"))
    with Measuring(failed.folder, file, "--resume", failed.session, command=disturbed) as measuring:
        ended = measuring.end()
    check_end(ended, 0)
    assert len(ended.stdout.splitlines()) == 1
    assert len(list(run_folders(ended.session))) == (1 if fault.alone else 2)


@pytest.mark.nightly
def test_the_folder_is_removed_in_the_middle(finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """What is gone is gone, but the user hears of it, and no process is left."""
    file = write_scenario(tmp_path, hold_s=5)
    session = begun_session(file, finished_run())
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("phase", phase="hold")
        shutil.rmtree(session / RUNS_FOLDER)
        ended = measuring.end()
    assert ended.code in {ExitCode.ENVIRONMENT, ExitCode.GENERATOR, ExitCode.TARGET}, ended.stderr
    assert "Traceback" not in "\n".join(ended.own_words)
    assert left_behind(tmp_path) == []


def test_a_signal_while_drawing_is_answered_with_what_is_kept(command: Command, healthy: Ended, tmp_path: Path) -> None:
    """Everything is measured by then: `loopbench report` draws it again."""
    file = write_scenario(tmp_path, think_time_s=HEALTHY_THINK_TIME_S)
    session = tmp_path / healthy.session.relative_to(healthy.folder)
    shutil.copytree(healthy.session, session)
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("session_ended")
        measuring.process.send_signal(signal.SIGTERM)
        ended = measuring.end()
    assert ended.code == -signal.SIGTERM
    assert "stopped by SIGTERM while drawing" in ended.stderr
    assert "try: loopbench report" in ended.stderr
    assert command("report", session).code == healthy.code
