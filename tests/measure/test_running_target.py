"""Whether a target ended because we asked, or died in the moment before we did."""

import os
import sys
from pathlib import Path

import pytest

from loopbench.measure.running_target import RunningTarget
from loopbench.measure.supervise import Supervised, log_tail
from loopbench.records.session import HUNG, STOPPED

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
        while not log_tail(log):
            assert process.exit_code is None
        process.stop(grace_s)
    return RunningTarget(process, 1, "nonce", log)


def test_a_target_that_ends_when_asked_ended_well(tmp_path: Path) -> None:
    target = stopped(ENDS_WHEN_ASKED, tmp_path, grace_s=30)
    assert (target.has_died, target.ending(unfinished=3)) == (False, STOPPED)


def test_a_target_that_died_before_we_asked_is_told_apart_by_its_exit_code(tmp_path: Path) -> None:
    target = stopped(DIES_WHEN_ASKED, tmp_path, grace_s=30)
    assert (target.has_died, target.ending(unfinished=0)) == (True, "died (exit code 3)")


def test_a_target_that_we_had_to_kill_did_not_die_by_itself(tmp_path: Path) -> None:
    target = stopped(DEAF, tmp_path, grace_s=0.1)
    assert target.process.had_to_be_killed
    assert not target.has_died


@pytest.mark.parametrize(("unfinished", "ending"), [(0, STOPPED), (3, HUNG)])
def test_one_that_had_to_be_killed_hung_if_requests_waited(tmp_path: Path, unfinished: int, ending: str) -> None:
    assert stopped(DEAF, tmp_path, grace_s=0.1).ending(unfinished) == ending


def test_a_target_that_ends_before_it_is_asked_died_whatever_its_code(tmp_path: Path) -> None:
    log = tmp_path / "target.log"
    with Supervised([sys.executable, "-c", ""], env=dict(os.environ), cwd=tmp_path, log=log) as process:
        while process.exit_code is None:
            pass
        assert RunningTarget(process, 1, "nonce", log).ending(unfinished=0) == "died (exit code 0)"
