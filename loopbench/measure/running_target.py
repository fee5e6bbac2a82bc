"""A target that loopbench started: whether it is ready and alive, its own count, and hints if it does not start."""

import re
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import TargetError
from loopbench.measure.interpreter import is_own
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, describe_exit, log_size, log_tail
from loopbench.records import probe
from loopbench.records.session import HUNG, STOPPED

NONCE_HEADER: Final = "X-Loopbench-Run"
"""A header of every answer: its value is the run's, so that an older process on the port is noticed."""

READY_PATH = "/-loopbench-ready-"
IMPOSTOR = "target-impostor"
"""Requested once, whatever the answer: no app has this route, so no code of the app is warmed."""

CONNECT_S = 0.5  # longest wait for a connection before the stop wish is looked at again

MAX_ANSWER_BYTES = 1024 * 1024  # the limit of that answer: the nonce is in its first headers, and a body may be endless

SERVER_PACKAGES = {
    "uvicorn": "",
    "hypercorn": "",
    "granian": "",
    "uvloop": 'loop = "asyncio"',
    "httptools": 'http = "h11"',
}
"""What a target's own environment needs beside the app, and the setting that avoids it."""


ASKED_TO_END: Final = (0, 128 + signal.SIGTERM)
"""Exit codes of a server that was asked to end: uvicorn sends the signal to itself when it has finished."""


@dataclass
class RunningTarget:
    """A target that answers. `harness_requests` are loopbench's own, subtracted from its count."""

    process: Supervised
    port: int
    nonce: str
    log: Path
    must_carry_nonce = True
    server_says = True
    harness_requests: int = 0
    log_bytes_before: int = 0  # of the log, when the last request was sent

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line."""
        return self.process.command

    @property
    def pids(self) -> tuple[int, ...]:
        """Roots of its process tree on this machine."""
        return (self.process.pid,)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def check_alive(self) -> None:
        """Raise TargetError if it has ended."""
        code = self.process.exit_code
        if code is not None:
            raise self._died(code)

    @property
    def has_died(self) -> bool:
        """Whether it has ended by itself."""
        code, process = self.process.exit_code, self.process
        if code is not None and process.lost_its_minder:
            raise self._died(code)
        as_asked = process.had_to_be_killed or (process.was_asked_to_end and code in ASKED_TO_END)
        return code is not None and not as_asked

    def ending(self, unfinished: int) -> str:
        """Returns how it ended, as a verb for `RunRecord.target_exit`.

        Args:
            unfinished: requests that it had not answered when the drain was over.
        """
        if self.has_died:
            return f"died ({describe_exit(self.process.exit_code or 0)})"
        return HUNG if self.process.had_to_be_killed and unfinished else STOPPED

    def _died(self, code: int) -> TargetError:
        return TargetError(
            f"the target ended while it was being measured ({describe_exit(code)})",
            slug="target-died",
            where=self.url,
            hints=("read target.log in the run's folder",),
            detail=log_tail(self.log),
        )

    def mark_log(self) -> None:
        """Begin `last_words` here: a request is sent."""
        self.log_bytes_before = log_size(self.log)

    def last_words(self) -> str:
        """The end of its log since the last mark: what it printed earlier has another cause."""
        return log_tail(self.log, self.log_bytes_before)

    def requests_counted(self) -> int | None:
        """Returns its own count, less the harness's requests; None: it did not end normally."""
        answered = probe.requests_answered(self.log.parent)
        return None if answered is None else answered - self.harness_requests


def wait_until_ready(target: RunningTarget, ready_s: float, stop: StopWish) -> None:
    """Send a request as soon as the port is open, and wait for the answer, which must carry this run's nonce."""
    deadline = time.monotonic() + ready_s
    answer = b""
    while not answer and time.monotonic() < deadline and target.process.exit_code is None:
        stop.check()
        try:
            with socket.create_connection(("127.0.0.1", target.port), CONNECT_S) as connection:
                answer = _first_answer(connection, deadline, stop)
        except (ConnectionError, TimeoutError):
            time.sleep(0.01)
    if answer:
        target.harness_requests += 1
    if f"{NONCE_HEADER}: {target.nonce}".lower().encode() not in answer.lower():
        raise _not_ready(target, ready_s, answered=bool(answer))


def _first_answer(connection: socket.socket, deadline: float, stop: StopWish) -> bytes:
    """Returns the server's answer to one request; empty: there was none in time."""
    connection.sendall(f"GET {READY_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    connection.settimeout(0.05)
    answer = b""
    while time.monotonic() < deadline and len(answer) < MAX_ANSWER_BYTES:
        stop.check()
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            continue
        if not piece:
            break
        answer += piece
    return answer


def _not_ready(target: RunningTarget, ready_s: float, *, answered: bool) -> TargetError:
    if answered:
        what, slug = f"something on port {target.port} answered that is not this run's target", IMPOSTOR
    elif target.process.exit_code is not None or _ends_soon(target.process):
        code = target.process.exit_code or 0
        what, slug = f"the target ended before it answered ({describe_exit(code)})", "target-start"
    else:
        what, slug = f"the target did not answer within {ready_s:g} s of its start", "target-not-ready"
    log, command = log_tail(target.log), target.process.command
    return TargetError(
        what, slug=slug, where=" ".join(command[:4]), hints=_start_hints(slug, log, command[0]), detail=log
    )


def _start_hints(slug: str, log: str, python: str) -> tuple[str, ...]:
    """Returns what to do about a target that does not start, from the end of its log."""
    if slug == "target-not-ready":
        return ("raise ready_s in the scenario's [target] if the app is slow to start",)
    missing = re.findall(r"No module named '?([\w.]+)'?", log)
    if missing and is_own(python):
        return (
            "name the Python of the app's environment with python in the scenario's [target]",
            "check app and app_dir",
        )
    if missing and missing[-1] in SERVER_PACKAGES:
        setting = SERVER_PACKAGES[missing[-1]]
        return (
            f"{python} -m pip install {missing[-1]}",
            *((f"or {setting} in the scenario's [target]",) if setting else ()),
        )
    return ("check app, app_dir and python in the scenario's [target]",)


def _ends_soon(process: Supervised) -> bool:
    """Wait a moment for the exit code: a closed connection is seen before it."""
    deadline = time.monotonic() + 2.0
    while process.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.exit_code is not None
