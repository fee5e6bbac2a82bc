"""Nothing we start outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.measure import supervise
from loopbench.measure.supervise import Supervised, describe_exit

MARK = "LOOPBENCH_TEST_MARK"
DAEMONISES = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""
HARNESS = """
import os, sys, time
from pathlib import Path
from loopbench.measure import supervise
from loopbench.measure.supervise import Supervised
child = Supervised([sys.executable, "-c", sys.argv[1]], env=dict(os.environ), cwd=Path("."), log=Path(sys.argv[2]))
time.sleep(600)
"""


def marked(value: str) -> list[int]:
    """Processes that carry a mark in their environment."""
    wanted = f"{MARK}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within ten seconds: waits for an event, asserts no time."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def supervised(code: str, log: Path, mark: str) -> Supervised:
    env = dict(os.environ) | {MARK: mark}
    return Supervised([sys.executable, "-c", code], env=env, cwd=log.parent, log=log)


@pytest.mark.real
def test_the_child_s_exit_code_and_words_come_through(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with supervised("print('hello'); raise SystemExit(7)", log, "code") as child:
        assert eventually(lambda: child.exit_code is not None)
        assert child.exit_code == 7
    assert log.read_text() == "hello\n"


@pytest.mark.real
def test_a_signal_death_is_told_from_an_exit(tmp_path: Path) -> None:
    with supervised("import os; os.kill(os.getpid(), 11)", tmp_path / "log", "signal") as child:
        assert eventually(lambda: child.exit_code is not None)
        assert describe_exit(child.exit_code or 0) == "killed by SIGSEGV"


@pytest.mark.real
def test_stop_lets_a_child_that_listens_to_term_finish(tmp_path: Path) -> None:
    code = "import signal, time\nsignal.signal(15, lambda *_: exit(3))\nprint('ready', flush=True)\ntime.sleep(600)"
    with supervised(code, tmp_path / "log", "polite") as child:
        assert eventually(lambda: "ready" in (tmp_path / "log").read_text())
        assert child.stop(grace_s=10) == 3


@pytest.mark.real
def test_a_target_that_ignores_term_and_daemonises_twice_is_gone_after_the_block(tmp_path: Path) -> None:
    with supervised(DAEMONISES, tmp_path / "log", "stubborn") as child:
        assert eventually(lambda: "ready" in (tmp_path / "log").read_text())
        assert eventually(lambda: len(marked("stubborn")) >= 4)
        child.stop(grace_s=0.05)
        assert marked("stubborn") == []


@pytest.mark.real
def test_kill_9_of_the_harness_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = dict(os.environ) | {MARK: "orphan"}
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, DAEMONISES, str(log)], env=env)
    assert eventually(lambda: log.exists() and "ready" in log.read_text())
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert eventually(lambda: marked("orphan") == [])


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_minder_that_is_killed_or_stopped_leaves_nothing_either(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "KILL_S", 0.2)
    with supervised(DAEMONISES, tmp_path / "log", f"minder-{number}") as child:
        assert eventually(lambda: len(marked(f"minder-{number}")) >= 4)
        os.kill(child._process.pid, number)
    assert marked(f"minder-{number}") == []


@pytest.mark.real
def test_a_command_that_does_not_exist_is_an_exit_code_not_a_hang(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Supervised(["/nowhere/python"], env={}, cwd=tmp_path, log=log) as child:
        assert eventually(lambda: child.exit_code == 127)
    assert "No such file" in log.read_text()
