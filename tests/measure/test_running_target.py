"""Whether a target ended because we asked, or died in the moment before we did."""

import os
import sys
from pathlib import Path

import pytest

from loopbench.errors import TargetError
from loopbench.measure.running_target import RunningTarget
from loopbench.measure.supervise import Supervised

pytestmark = pytest.mark.real

DIES_WHEN_ASKED = "import os, signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(3)); print(1); signal.pause()"
ENDS_WHEN_ASKED = "import signal; print(1); signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1)\nwhile True: signal.pause()"


def stopped(code: str, folder: Path, *, grace_s: float) -> RunningTarget:
    """A target that has been asked to end when it was up."""
    log = folder / "target.log"
    command = [sys.executable, "-u", "-c", code]
    process = Supervised(command, env=dict(os.environ), cwd=folder, log=log)
    with process:
        while not log.read_bytes():
            assert process.exit_code is None
        process.stop(grace_s)
    return RunningTarget(process, 1, "nonce", log)


def test_a_target_that_ends_when_asked_ended_well(tmp_path: Path) -> None:
    stopped(ENDS_WHEN_ASKED, tmp_path, grace_s=30).check_end()


def test_a_target_that_died_before_we_asked_is_told_apart_by_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"the target ended while it was being measured \(exit code 3\)"):
        stopped(DIES_WHEN_ASKED, tmp_path, grace_s=30).check_end()


def test_a_target_that_we_had_to_kill_did_not_die_by_itself(tmp_path: Path) -> None:
    target = stopped(DEAF, tmp_path, grace_s=0.1)
    assert target.process.had_to_be_killed
    target.check_end()
