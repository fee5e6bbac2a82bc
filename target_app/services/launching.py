"""Shared by the launchers: runs a server as a child process, announces it, and removes it with its data on SIGTERM."""

import contextlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

READY_FILE = "ready"
READY_S = 30.0
POLL_S = 0.02


class NotReadyError(Exception):
    """The server does not answer yet."""


def free_port() -> int:
    """Return a free loopback port that Linux gives to no outgoing connection, which could take it before the server."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise SystemExit("there is no free port")


def announce(folder: Path, url: str, version: str) -> None:
    """Write the file that the harness waits for, atomically: one line each for URL (empty if not ours) and version."""
    beside = folder / f".{READY_FILE}"
    beside.touch(mode=0o600)  # the URL may hold a password, and another user may pass through the folder
    beside.write_text(f"{url}\n{version}\n", encoding="utf-8")
    beside.rename(folder / READY_FILE)
    sys.stdout.write(f"ready: its URL is in {folder / READY_FILE}\n" if url else "ready: your own\n")
    sys.stdout.flush()


def look_at_own(folder: Path, url: str, version: Callable[[str], str]) -> int:
    """Announce the version of the user's own server, or print in one line that it does not answer."""
    try:
        announce(folder, "", version(url))
    except NotReadyError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except Exception as problem:  # noqa: BLE001  a driver's error may quote the URL with its password
        sys.stderr.write(f"the URL cannot be used ({type(problem).__name__})\n")
        return 1
    return 0


def as_user(user: int | None) -> dict[str, Any]:
    """Return the options of `subprocess` for a user id, with that user's group and no other; None: the current user."""
    return {} if user is None else {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": ()}


def serve(  # noqa: PLR0913  six properties of a server
    command: Sequence[str],
    *,
    url: str,
    version: Callable[[str], str],
    folder: Path,
    user: int | None = None,
    stdin: str = "",
    stop_signal: int = signal.SIGTERM,
) -> int:
    """Run a server until it ends or SIGTERM comes; return its exit code.

    Args:
        command: the server's command line.
        url: its URL.
        version: returns the server's version; raises NotReadyError while it does not answer.
        folder: its working directory; removed at the end.
        user: user id to run as; None for the current user.
        stdin: the server's standard input, for settings that must stay private.
        stop_signal: the signal for a fast, clean shutdown.
    """
    server = subprocess.Popen(command, cwd=folder, **as_user(user), stdin=subprocess.PIPE)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.send_signal(stop_signal)

    signal.signal(signal.SIGTERM, stop)
    try:
        _hand_over(server, stdin)
        answer = _first_answer(server, url, version)
        if answer is not None:
            announce(folder, url, answer)
        return server.wait()
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _hand_over(server: subprocess.Popen[bytes], text: str) -> None:
    if server.stdin is not None:
        with contextlib.suppress(BrokenPipeError), server.stdin as pipe:
            pipe.write(text.encode())


def _first_answer(server: subprocess.Popen[bytes], url: str, version: Callable[[str], str]) -> str | None:
    """Return the version that the server reports; None if it ends first. A server that never answers is stopped."""
    deadline = time.monotonic() + READY_S
    while server.poll() is None:
        try:
            return version(url)
        except NotReadyError:
            if time.monotonic() > deadline:
                server.terminate()
                raise
        time.sleep(POLL_S)
    return None
