"""A target that runs elsewhere (`[target] url`): neither started nor stopped by loopbench.

Its process cannot be observed. The server's own count is known only if the folder of its probe can be read from this
machine (`probe_dir`).
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from loopbench.errors import DataError, TargetError
from loopbench.measure.stop import StopWish
from loopbench.records.codec import parse_json
from loopbench.records.files import open_file
from loopbench.records.probe import GLOB
from loopbench.records.probe_tail import MAX_BYTES
from loopbench.records.session import STOPPED

POLL_S: Final = 0.1
CONNECT_S: Final = 2.0
FRESH_S: Final = 5.0  # the probe writes once a second; if it writes nothing for this long, it is not running

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass
class RemoteTarget:
    """A target that accepts connections. `harness_requests` are loopbench's own, subtracted from its count."""

    url: str
    nonce: str
    probe_dir: Path | None
    answered_before: int | None
    must_carry_nonce = False  # but if an answer carries the header, its value must be the run's
    command: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    harness_requests: int = 0
    has_died = False

    @property
    def port(self) -> int:
        """Where it listens."""
        address = urlsplit(self.url)
        return address.port or DEFAULT_PORTS[address.scheme]

    @property
    def server_says(self) -> bool:
        """Whether its own count can be read from here at all."""
        return self.probe_dir is not None

    def check_alive(self) -> None:
        """Does nothing: only its answers can show whether it is alive."""

    def ending(self, unfinished: int) -> str:  # noqa: ARG002  as of a target that loopbench started
        """Returns `STOPPED`: loopbench does not end it."""
        return STOPPED

    def mark_log(self) -> None:
        """Does nothing: its log is on another machine."""

    def last_words(self) -> str:
        """Returns nothing: its log is on another machine."""
        return ""

    def requests_counted(self) -> int | None:
        """Returns its own count since it was found, less the harness's requests; None: it cannot be read."""
        if self.probe_dir is None or self.answered_before is None:
            return None
        after = fresh_count(self.probe_dir)
        return None if after is None else after - self.answered_before - self.harness_requests


def found(url: str, *, nonce: str, probe_dir: Path | None, ready_s: float, stop: StopWish) -> RemoteTarget:
    """Wait until a server accepts connections there. Raises TargetError if none does within `ready_s` seconds."""
    target = RemoteTarget(url, nonce, probe_dir, None)
    deadline = time.monotonic() + ready_s
    while problem := _connection_problem(urlsplit(url).hostname or "", target.port, stop):
        stop.check()
        if time.monotonic() > deadline:
            raise TargetError(
                f"no server answers at {url} within {ready_s:g} s ({problem})",
                slug="target-not-ready",
                where=url,
                hints=("start the target there, or correct url in the scenario's [target]",),
            )
        time.sleep(POLL_S)
    if probe_dir is not None:
        target.answered_before = fresh_count(probe_dir)
    return target


def fresh_count(probe_dir: Path, clock: Callable[[], float] = time.monotonic) -> int | None:
    """Returns how many requests its processes have answered, from records written after this call.

    None: there are no probe files, or they do not grow, or hold no count.
    """
    before = {path: path.stat().st_size for path in sorted(probe_dir.glob(GLOB))}
    running = {path: size for path, size in before.items() if not _has_ended(path)}
    deadline = clock() + FRESH_S
    while running and clock() < deadline:
        time.sleep(POLL_S)
        # Two records: the first may have been begun before this call.
        if all(_end(path, size).count(b"\n") >= 2 for path, size in running.items()):
            counts = [_last_count(path) for path in running]
            return None if None in counts else sum(count for count in counts if count is not None)
    return None


def _has_ended(path: Path) -> bool:
    """Whether this is the file of an older process, whose count is no part of the difference."""
    return _last_record(path).get("record") == "end"


def _last_count(path: Path) -> int | None:
    count = _last_record(path).get("requests_total")
    return count if isinstance(count, int) else None


def _last_record(path: Path) -> dict[str, object]:
    """Returns the last complete line."""
    whole = _end(path).split(b"\n")[:-1]
    try:
        record = parse_json(whole[-1]) if whole else {}
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _end(path: Path, start: int = 0) -> bytes:
    """Returns what follows `start`, or the last megabyte of it: such a file may have grown for weeks."""
    try:
        with open_file(path) as file:
            file.seek(max(start, file.seek(0, 2) - MAX_BYTES))
            return file.read(MAX_BYTES)
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None


def _connection_problem(host: str, port: int, stop: StopWish) -> str | None:
    try:
        stop.within(CONNECT_S, lambda: socket.create_connection((host, port), timeout=CONNECT_S).close())
    except OSError as problem:
        return problem.strerror or str(problem) or "no connection in time"
    return None
