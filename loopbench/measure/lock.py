"""A file lock that lets one user measure one thing at a time; the kernel releases it however its holder ends."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

from loopbench.errors import EnvironmentRefusedError

LOCK_VARIABLE: Final = "LOOPBENCH_LOCK_FILE"
"""The environment variable that names another lock file, for two measurements that are known not to interfere."""


class IfBusy(Enum):
    """What to do when another measurement holds the lock."""

    REFUSE = "refuse"
    WAIT = "wait"
    MEASURE_ANYWAY = "measure anyway"
    """For measurements that do not disturb each other: on separate cores, or not compared with anything."""


def if_busy_of(*, wait: bool, no_lock: bool) -> IfBusy:
    """Returns what --wait and --no-lock ask for."""
    return IfBusy.MEASURE_ANYWAY if no_lock else IfBusy.WAIT if wait else IfBusy.REFUSE


def lock_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the path of the lock file: LOOPBENCH_LOCK_FILE, else one per user in the runtime directory."""
    if chosen := environ.get(LOCK_VARIABLE):
        return Path(chosen)
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if runtime.is_dir():
        return runtime / "loopbench.lock"
    return Path(f"/tmp/loopbench-{os.getuid()}.lock")  # noqa: S108  opened without following links


@contextmanager
def one_at_a_time(if_busy: IfBusy = IfBusy.REFUSE, notify: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock while the block runs: two measurements at once would disturb each other.

    Args:
        if_busy: what to do when another process holds the lock.
        notify: receives one sentence before the call waits.

    Raises:
        EnvironmentRefusedError: another process holds the lock and `if_busy` is REFUSE, or the file cannot be opened.
    """
    if if_busy is IfBusy.MEASURE_ANYWAY:
        yield
        return
    path = lock_path()
    descriptor = _open(path)
    try:
        _lock(descriptor, path, if_busy, notify)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise _refused(path, f"cannot be opened: {error.strerror}") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:  # put there by another user; it would be overwritten
        os.close(descriptor)
        raise _refused(path, "cannot be used: it is a pipe or a device, or has a second name")
    return descriptor


def _refused(path: Path, problem: str) -> EnvironmentRefusedError:
    hints = (f"{LOCK_VARIABLE}=FILE names another one", "--no-lock measures without a lock")
    return EnvironmentRefusedError(f"the lock file {problem}", slug="lock", where=str(path), hints=hints)


def _lock(descriptor: int, path: Path, if_busy: IfBusy, notify: Callable[[str], None]) -> None:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
    if if_busy is IfBusy.REFUSE:
        raise EnvironmentRefusedError(
            "another loopbench is measuring on this machine; two measurements at once would disturb each other",
            slug="busy",
            where=f"{path}: held by process {holder}",
            hints=("--wait, to begin when it has ended",),
        )
    notify(f"waiting for another loopbench to end (process {holder})")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
