"""One measurement at a time on a machine: a file lock that goes when its holder does, however it ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from loopbench.errors import EnvironmentRefusedError

LOCK_FILE = "/tmp/loopbench.lock"  # noqa: S108  one for the machine, whoever asks and whatever TMPDIR says


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the machine's lock: two measurements at once would measure each other.

    Raises:
        EnvironmentRefusedError: another loopbench holds it.
    """
    descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with contextlib.suppress(PermissionError):  # another user's: it has the right mode already
        os.fchmod(descriptor, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "unknown"
        os.close(descriptor)
        raise EnvironmentRefusedError(
            "another loopbench is measuring on this machine; two at once would measure each other",
            slug="busy",
            where=f"{LOCK_FILE}: held by process {holder}",
            hints=("wait for it to end",),
        ) from None
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
