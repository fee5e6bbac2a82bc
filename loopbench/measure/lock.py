"""One measurement at a time on a machine: a file lock that goes when its holder does, however it ends."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from loopbench.errors import EnvironmentRefusedError

LOCK_FILE = "/tmp/loopbench.lock"  # noqa: S108  one for the machine, whoever asks and whatever TMPDIR says


class IfBusy(Enum):
    """What to do when another loopbench measures on this machine."""

    REFUSE = "refuse"
    WAIT = "wait"
    MEASURE_BESIDE_IT = "measure beside it"
    """For whoever knows that the two do not disturb each other: cores of their own, or nothing that is compared."""


@contextmanager
def one_at_a_time(if_busy: IfBusy = IfBusy.REFUSE, told: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the machine's lock: two measurements at once would measure each other.

    Args:
        if_busy: what to do when another one holds it.
        told: a sentence, before it is waited for.

    Raises:
        EnvironmentRefusedError: another loopbench holds it, and it is not to be waited for.
    """
    if if_busy is IfBusy.MEASURE_BESIDE_IT:
        yield
        return
    descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with contextlib.suppress(PermissionError):  # another user's: it has the right mode already
            os.fchmod(descriptor, 0o666)
        _take(descriptor, if_busy, told)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, if_busy: IfBusy, told: Callable[[str], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "unknown"
        if if_busy is IfBusy.REFUSE:
            raise EnvironmentRefusedError(
                "another loopbench is measuring on this machine; two at once would measure each other",
                slug="busy",
                where=f"{LOCK_FILE}: held by process {holder}",
                hints=("--wait, to begin when it has ended",),
            ) from None
        told(f"waiting for another loopbench to end (process {holder})")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
