"""Nothing we start outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from loopbench import secrecy
from loopbench.errors import EnvironmentRefusedError
from loopbench.measure import minder, supervise
from loopbench.measure.supervise import Supervised, describe_exit, log_size, log_tail

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
FORGETS_ITS_ENVIRONMENT = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
        os.execve(sys.executable, [sys.executable, "-c", code], {})
    os._exit(0)
time.sleep(600)
"""
ENDS_ITS_MAIN_THREAD = """
import ctypes, os, sys, threading, time
if "daemon" in sys.argv and os.fork():
    time.sleep(600)
threading.Thread(target=time.sleep, args=(600,)).start()
print(os.getpid(), flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
HARNESS = """
import os, sys, time
from pathlib import Path
from loopbench import secrecy
from loopbench.errors import EnvironmentRefusedError
from loopbench.measure import minder, supervise
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


LEAVES_ORPHANS = """
import os, time
for _ in range(50):
    os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "true &")
print("ready", flush=True)
time.sleep(600)
"""


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


def test_the_tail_of_a_log_begins_after_what_is_older(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert (log_size(log), log_tail(log, 3)) == (0, "")
    log.write_text("old\nnew\n")
    assert (log_size(log), log_tail(log, 4), log_tail(log, 8), log_tail(log, 100)) == (8, "new", "", "")
    log.write_text("old\n" + "a line\n" * 1_000)
    assert log_tail(log, 4) == log_tail(log) == "\n".join(["a line"] * 571)
    assert log_tail(log, log_size(log) - 14) == "a line\na line"


@pytest.mark.real
def test_a_signal_death_is_told_from_an_exit(tmp_path: Path) -> None:
    with supervised("import os; os.kill(os.getpid(), 11)", tmp_path / "log", "signal") as child:
        assert eventually(lambda: child.exit_code is not None)
        assert describe_exit(child.exit_code or 0) == "killed by SIGSEGV"


@pytest.mark.real
def test_stop_lets_a_child_that_listens_to_term_finish(tmp_path: Path) -> None:
    code = "import signal, time\nsignal.signal(15, lambda *_: exit(3))\nprint('ready', flush=True)\ntime.sleep(600)"
    with supervised(code, tmp_path / "log", "polite") as child:
        assert eventually(lambda: "ready" in log_tail(tmp_path / "log"))
        assert child.stop(grace_s=10) == 3


@pytest.mark.real
def test_a_child_that_is_stopped_goes_on_to_end_as_asked(tmp_path: Path) -> None:
    code = "import signal, time\nsignal.signal(15, lambda *_: exit(3))\nprint('ready', flush=True)\ntime.sleep(600)"
    with supervised(code, tmp_path / "log", "stopped") as child:
        assert eventually(lambda: "ready" in log_tail(tmp_path / "log"))
        (stopped,) = psutil.Process(child.pid).children()
        stopped.suspend()
        assert child.stop(grace_s=10) == 3


@pytest.mark.real
def test_a_target_that_ignores_term_and_daemonises_twice_is_gone_after_the_block(tmp_path: Path) -> None:
    with supervised(DAEMONISES, tmp_path / "log", "stubborn") as child:
        assert eventually(lambda: "ready" in log_tail(tmp_path / "log"))
        assert eventually(lambda: len(marked("stubborn")) >= 4)
        child.stop(grace_s=0.05)
        assert marked("stubborn") == []


@pytest.mark.real
def test_orphans_that_end_during_a_run_are_collected(tmp_path: Path) -> None:
    """Each would keep its process number until the end, and there are 32,768."""
    with supervised(LEAVES_ORPHANS, tmp_path / "log", "orphans") as child:
        assert eventually(lambda: "ready" in log_tail(tmp_path / "log"))
        assert eventually(lambda: len(psutil.Process(child.pid).children()) == 1)


@pytest.mark.real
def test_what_a_minder_left_and_has_ended_is_collected(tmp_path: Path) -> None:
    with supervised("import time; time.sleep(600)", tmp_path / "log", "left") as child:
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert pid not in [each.pid for each in child._inherited()]
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


@pytest.mark.real
def test_kill_9_of_the_harness_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    env = dict(os.environ) | {MARK: "orphan"}
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, DAEMONISES, str(log)], env=env)
    assert eventually(lambda: len(marked("orphan")) >= 5)
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
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_daemon_with_an_empty_environment_does_not_outlive_a_lost_minder(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "KILL_S", 0.2)
    log = tmp_path / "log"
    with supervised(FORGETS_ITS_ENVIRONMENT, log, f"daemon-{number}") as child:
        assert eventually(lambda: log_tail(log) != "")
        os.kill(child._process.pid, number)
    assert not psutil.pid_exists(int(log.read_text()))


@pytest.mark.real
@pytest.mark.parametrize("is_minder_lost", [False, True])
@pytest.mark.parametrize("role", ["server", "daemon"])
def test_a_process_whose_main_thread_has_ended_is_ended_too(tmp_path: Path, role: str, is_minder_lost: bool) -> None:
    """It looks like a zombie, though its other threads go on and hold its port."""
    log = tmp_path / "log"
    with Supervised([sys.executable, "-c", ENDS_ITS_MAIN_THREAD, role], env={}, cwd=tmp_path, log=log) as child:
        assert eventually(lambda: log_tail(log) != "")
        left = psutil.Process(int(log_tail(log)))
        assert eventually(lambda: left.status() == psutil.STATUS_ZOMBIE)
        if is_minder_lost:
            os.kill(child.pid, signal.SIGKILL)
    assert not left.is_running()


@pytest.mark.real
def test_another_child_of_this_process_outlives_a_lost_minder(tmp_path: Path) -> None:
    """As of a test that uses the plugin, or of the shell that became loopbench."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        with supervised(DAEMONISES, tmp_path / "log", "beside") as child:
            assert eventually(lambda: len(marked("beside")) >= 4)
            os.kill(child._process.pid, signal.SIGKILL)
        assert marked("beside") == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_chain_of_processes_may_be_longer_than_python_recurses(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 10 * sys.getrecursionlimit()
    monkeypatch.setattr(minder, "_children", lambda pid: [pid + 1] if pid < length else [])
    monkeypatch.setattr(minder, "has_ended", lambda _: False)
    assert minder._descendants(0) == list(range(1, length + 1))


@pytest.mark.real
def test_a_minder_that_fails_is_a_lost_minder(tmp_path: Path) -> None:
    """Its own failure must not look like the child's exit code."""
    with Supervised(["/bin/true"], env={}, cwd=tmp_path, log=tmp_path / "log", cpus=[1_000_000]) as child:
        assert eventually(lambda: child.exit_code is not None)
        assert child.exit_code == 128 + signal.SIGKILL


@pytest.mark.real
def test_a_command_that_does_not_exist_is_an_exit_code_not_a_hang(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Supervised(["/nowhere/python"], env={}, cwd=tmp_path, log=log) as child:
        assert eventually(lambda: child.exit_code == 127)
    assert "No such file" in log.read_text()


UNENDING = """
import os
from loopbench.measure import minder

def refuse(pid, number):
    raise PermissionError

os.kill = refuse
lifeline, held = os.pipe()
print(minder.main([str(lifeline), "", "--", "/bin/sh", "-c", "sleep 600 > /dev/null 2>&1 & echo $!; exit 3"]))
"""


@pytest.mark.real
def test_a_minder_ends_though_it_may_not_end_a_process_of_another_user() -> None:
    """As one that `sudo` started."""
    done = subprocess.run([sys.executable, "-c", UNENDING], capture_output=True, text=True, timeout=120, check=True)
    pid, code = map(int, done.stdout.split())
    os.kill(pid, signal.SIGKILL)
    assert code == 3


@pytest.mark.real
def test_a_process_that_cannot_be_ended_is_an_error_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is inherited from the minder, which may not end it either."""
    log = tmp_path / "log"
    with supervised(FORGETS_ITS_ENVIRONMENT, log, "unending") as child:
        assert eventually(lambda: log_tail(log) != "")
        os.kill(child._process.pid, signal.SIGKILL)
        with monkeypatch.context() as patched:
            patched.setattr(supervise, "SWEEP_S", 0.2)
            patched.setattr(psutil.Process, "kill", lambda _: None)
            with pytest.raises(EnvironmentRefusedError) as error:
                child.kill()
        assert log.read_text().strip() in error.value.where
        child._sweep()
    assert not psutil.pid_exists(int(log.read_text()))


@pytest.mark.real
def test_a_process_of_another_user_is_named_when_everything_else_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its minder ends in order, and leaves it."""
    monkeypatch.setattr(supervise, "MINDER", tmp_path / "minder.py")
    left = 'import os, sys\nif os.fork() == 0:\n    os.setsid()\n    os.execvp("sleep", ["sleep", "600"])\n'
    (tmp_path / "minder.py").write_text(left)
    child = Supervised(["unused"], env={}, cwd=tmp_path, log=tmp_path / "log")
    assert eventually(lambda: child.exit_code == 0 and bool(list(child._inherited())))
    (sleeping,) = child._inherited()
    with monkeypatch.context() as patched:
        patched.setattr(supervise, "_is_foreign", lambda process: process.pid == sleeping.pid)
        with pytest.raises(EnvironmentRefusedError) as error:
            child.kill()
    child._sweep()
    assert error.value.where == f"process {sleeping.pid}"


@pytest.mark.real
def test_a_log_of_any_length_holds_little_disk_space_and_no_part_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle is left out, and a secret at an edge of it is hidden whole."""
    monkeypatch.setattr(secrecy, "_remembered", {})
    secrecy.remember(["very-secret-word"])
    monkeypatch.setattr(supervise, "MAX_LOG_BYTES", 100_000)
    monkeypatch.setattr(supervise, "HALF_LOG_BYTES", 50_000)
    code = """
import sys, time
sys.stdout.write("a" * 49_990 + "very-secret-word" + "b" * 9_900_000 + "very-secret-word" + "c" * 49_990)
print("\\nready", flush=True)
time.sleep(600)
"""
    log = tmp_path / "log"
    with supervised(code, log, "long") as child:
        assert eventually(lambda: log_tail(log) == "ready")
        assert child.exit_code is None
        assert os.fstat(child._output.fileno()).st_blocks * 512 < 1_000_000
    text = log.read_text()
    assert text.startswith("a" * 49_990 + "***\n... loopbench left out 9,900,019 bytes ...\n")
    assert text.endswith("c" * 49_990 + "\nready\n")
    assert text.split("\n")[2].startswith("***c")
    assert not set("vry-srtwod") & set(text.split("\n")[0] + text.split("\n")[2])
