"""A supervised child process: started behind a minder in a session of its own, and certain to end."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

MINDER = Path(__file__).with_name("minder.py")
KILL_S = 5.0
TAIL_BYTES = 4_000
MARK_VARIABLE = "LOOPBENCH_SUPERVISED"
"""In the environment of every process of a supervised tree, which finds it when its minder has ended."""


class Supervised:
    """A command under a minder. Leaving the `with` block kills the whole tree."""

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
        self.had_to_be_killed = False
        """Whether it was still running when it was killed: its exit code is then not its own."""
        self._mark = secrets.token_hex(8)
        lifeline, self._lifeline = os.pipe()
        pinned = ",".join(map(str, cpus))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(MINDER), str(lifeline), pinned, "--", *command],
                env=dict(env) | {MARK_VARIABLE: self._mark},
                cwd=cwd,
                stdin=subprocess.DEVNULL,  # Locust would switch a terminal to cbreak
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lifeline, *pass_fds),
                start_new_session=True,  # the terminal's Ctrl-C reaches only the harness
            )
        os.close(lifeline)

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
        return code if code is None or code >= 0 else 128 - code

    def stop(self, grace_s: float) -> int:
        """Ask it to end (TERM), give it some seconds, then kill its whole tree. Returns the exit code."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)  # the minder passes it on
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        return self.kill()

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
        if code < 0:  # the minder itself was killed: do its work
            self._sweep()
        return code if code >= 0 else 128 - code

    def _sweep(self) -> None:
        """Kill every process with our mark, until none is left."""
        while left := [process for process in psutil.process_iter() if self._is_ours(process)]:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=KILL_S)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK_VARIABLE) == self._mark
        except psutil.Error:
            return False


def describe_exit(code: int) -> str:
    """Returns an exit code in words."""
    if code > 128:
        try:
            return f"killed by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"exit code {code}"


def log_tail(path: Path) -> str:
    """Returns whole lines of at most the last 4,000 bytes of a log; empty: there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    if size > TAIL_BYTES:
        text = text.partition("\n")[2]
    return text.rstrip()
