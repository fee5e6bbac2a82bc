"""A supervised child process: started behind a minder in a session of its own, and certain to end."""

import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Final, Self

import psutil

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.minder import become_subreaper
from loopbench.measure.open_files import allow_open_files
from loopbench.secrecy import hidden_bytes, hidden_part, margin_bytes

MINDER = Path(__file__).with_name("minder.py")
KILL_S = 5.0
SWEEP_S = 10.0  # how long it takes at most, on a busy machine, until processes have ended that were killed
TAIL_BYTES = 4_000
MAX_LOG_BYTES = 8_000_000  # kept of one log
HALF_LOG_BYTES = MAX_LOG_BYTES // 2
KEEP_SIZE, PUNCH_HOLE = 1, 2  # of fallocate(2)

MARK_VARIABLE = "LOOPBENCH_SUPERVISED"
"""In the environment of every process of a supervised tree, by which `loopbench doctor` finds leftovers."""


_outputs: Final[dict[Path, IO[bytes]]] = {}
"""What commands that have not ended have printed, by the log that it becomes."""


class Supervised:
    """A command under a minder. Leaving the `with` block kills the whole tree."""

    _minders: ClassVar[set[int]] = set()
    """Of every live one in this process, which inherits what a minder leaves behind."""
    _marks: ClassVar[dict[int, str]] = {}
    """Of every one that this process ever started: the session of its minder, and the value of `MARK_VARIABLE`."""
    _others: ClassVar[set[psutil.Process]] = set()
    """Children of this process that were there before a minder and are not ours: they are left alone."""

    def __init__(  # noqa: PLR0913  what a process is started with
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        cpus: Sequence[int] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = tuple(command)
        self.was_asked_to_end = False
        self.had_to_be_killed = False
        """Whether it was still running when it was killed: its exit code is then not its own."""
        become_subreaper()
        allow_open_files()
        self._others.update(child for child in psutil.Process().children() if not self._is_ours(child))
        lifeline, self._lifeline = os.pipe()
        self._log = log
        # Without a name: it may hold secrets, and a kill of the harness leaves none of it.
        self._output = _outputs[log] = tempfile.TemporaryFile(dir=log.parent, buffering=0)  # noqa: SIM115  until the end
        mark = secrets.token_hex(8)
        self._process = subprocess.Popen(
            under_minder(command, lifeline, cpus),
            env=dict(env) | {MARK_VARIABLE: mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,  # Locust would switch a terminal to cbreak
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=(lifeline, *pass_fds),
            start_new_session=True,  # the terminal's Ctrl-C reaches only the harness
        )
        os.close(lifeline)
        self._minders.add(self._process.pid)
        self._marks[self._process.pid] = mark

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The minder's; the command and everything it started are below it."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The child's code, 128+n for signal n; None while it runs."""
        code = self._process.poll()
        if code is None:
            _give_back(self._output)  # every wait for the end polls this property, so the file stays small
        return code if code is None or code >= 0 else 128 - code

    @property
    def lost_its_minder(self) -> bool:
        """Whether another process killed the minder: the command's own exit code is then not known."""
        return (self._process.poll() or 0) < 0 and not self.had_to_be_killed

    def stop(self, grace_s: float) -> int:
        """Ask it to end (TERM), give it some seconds, then kill its whole tree. Returns the exit code."""
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        return self.kill()

    def ask_to_end(self) -> None:
        """Send TERM if it still runs, once: Locust ends at a second one without closing its record."""
        if self.exit_code is None and not self.was_asked_to_end:
            self.was_asked_to_end = True
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)  # the minder passes it on

    def kill(self) -> int:
        """End it and everything it started, now. Harmless when it has ended."""
        if self._lifeline >= 0:
            self.had_to_be_killed = self.exit_code is None
            os.close(self._lifeline)
            self._lifeline = -1
        try:
            code = self._process.wait(KILL_S)
        except subprocess.TimeoutExpired:  # stopped, or stuck
            self._process.kill()
            code = self._process.wait()
        self._minders.discard(self._process.pid)
        self._keep_log()
        if code < 0:  # the minder itself was killed: do its work
            self._sweep()
        elif foreign := [each for each in self._inherited() if _is_foreign(each)]:
            raise _unending(foreign)
        return code if code >= 0 else 128 - code

    def _keep_log(self) -> None:
        """Write what was printed to its file, without secrets."""
        if not self._output.closed:
            if self._log.exists() and self._log.stat().st_nlink > 1:  # of a stranger's session, with a second name
                self._log.unlink()
            with self._output as output, self._log.open("ab") as log:
                log.write(_kept(output))
            _outputs.pop(self._log, None)

    def _sweep(self) -> None:
        """Kill every process that this one inherited from a minder, and all below it, until none is left."""
        deadline = time.monotonic() + SWEEP_S
        while left := list(self._inherited()):
            if time.monotonic() > deadline:
                raise _unending(left)
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=SWEEP_S)

    def _inherited(self) -> Iterator[psutil.Process]:
        """Yield what ended minders have left to this process; collect what of it has ended."""
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error, ProcessLookupError, ChildProcessError):
                foreign = os.getsid(child.pid) == os.getsid(0) or child in self._others
                if child.pid in self._minders or foreign:
                    continue
                collected, _ = os.waitpid(child.pid, os.WNOHANG)  # thousands, of a target that leaves orphans
                if not collected:
                    yield child
                    yield from child.children(recursive=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether it is a minder or was started below one, as far as its session or its environment shows that."""
        try:
            return os.getsid(process.pid) in self._marks or process.environ().get(MARK_VARIABLE) in self._marks.values()
        except (psutil.Error, ProcessLookupError):  # it has ended, or is another user's
            return False


def _is_foreign(process: psutil.Process) -> bool:
    """Whether a process belongs to another user, so that a minder could not end it."""
    try:
        return process.uids().real != os.getuid()
    except psutil.Error:  # it has ended
        return False


def _unending(left: Sequence[psutil.Process]) -> EnvironmentRefusedError:
    pids = " ".join(str(process.pid) for process in left)
    return EnvironmentRefusedError(
        "processes that the target, the generator or a command started cannot be ended: they belong to another user",
        slug="left-running",
        where=f"process {pids}",
        hints=(f"sudo kill -9 {pids}", "start no process as another user (`sudo`) from the app or its commands"),
    )


def under_minder(command: Sequence[str], lifeline: int, cpus: Sequence[int] = ()) -> list[str]:
    """Return the command line that starts a command under a minder, which ends it when the lifeline closes."""
    pinned = ",".join(map(str, cpus))
    return [sys.executable, "-I", "-S", str(MINDER), str(lifeline), pinned, "--", *command]


@contextmanager
def in_memory(text: str) -> Iterator[int]:
    """Yield a text as an open file without a name: it may hold passwords and is never on a disk."""
    with os.fdopen(os.memfd_create("loopbench"), "w+", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.fileno()


def describe_exit(code: int) -> str:
    """Returns an exit code in words."""
    if code > 128:
        try:
            return f"killed by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"exit code {code}"


def _kept(output: IO[bytes]) -> bytes:
    """The output without secrets; of a long one the first and the last part."""
    left_out = os.fstat(output.fileno()).st_size - MAX_LOG_BYTES
    if left_out <= 0:
        return hidden_bytes(os.pread(output.fileno(), MAX_LOG_BYTES, 0))
    wanted, size = HALF_LOG_BYTES + margin_bytes(), MAX_LOG_BYTES + left_out
    first, last = (os.pread(output.fileno(), wanted, at) for at in (0, max(0, size - wanted)))
    note = f"\n... loopbench left out {left_out:,} bytes ...\n".encode()
    return note.join(
        [hidden_part(first, 0, HALF_LOG_BYTES), hidden_part(last, max(0, len(last) - HALF_LOG_BYTES), len(last))]
    )


def _give_back(output: IO[bytes]) -> None:
    """Free the disk space of what `_kept` will leave out: a target may print more than the disk holds."""
    kept = HALF_LOG_BYTES + margin_bytes()
    left_out = os.fstat(output.fileno()).st_size - 2 * kept
    if left_out > MAX_LOG_BYTES:
        offset, length = ctypes.c_int64(kept), ctypes.c_int64(left_out)
        ctypes.CDLL(None).fallocate(output.fileno(), PUNCH_HOLE | KEEP_SIZE, offset, length)  # where the disk can


def log_size(path: Path) -> int:
    """Returns the bytes of a log so far; 0: there is none."""
    try:
        with _opened_log(path) as file:
            return os.fstat(file.fileno()).st_size
    except OSError:
        return 0


def log_tail(path: Path, after_bytes: int = 0) -> str:
    """Returns whole lines of at most the last 4,000 bytes of a log, without secrets; empty: there is none.

    Of the first `after_bytes` bytes nothing is returned.
    """
    try:
        with _opened_log(path) as file:
            size = os.fstat(file.fileno()).st_size
            begin = max(0, size - TAIL_BYTES - margin_bytes())
            data = os.pread(file.fileno(), size - begin, begin)
    except OSError:
        return ""
    shown_from = max(after_bytes, size - TAIL_BYTES)
    tail = hidden_part(data, min(len(data), max(0, shown_from - begin)), len(data)).decode("utf-8", "replace")
    if shown_from > after_bytes:
        tail = tail.partition("\n")[2]
    return tail.rstrip()


def _opened_log(path: Path) -> IO[bytes]:
    descriptor = os.dup(_outputs[path].fileno()) if path in _outputs else os.open(path, os.O_RDONLY)
    return os.fdopen(descriptor, "rb")
