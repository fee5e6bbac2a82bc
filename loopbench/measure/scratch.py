"""Private temporary folders. One that a killed loopbench has left is removed by the next that needs one."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "loopbench-scratch-"
MIN_AGE_S: Final = 60.0  # a younger folder may not be locked yet


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder that only this user can read, and remove it at the end. It is locked while it is used."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # of another user, in use, or removed by another process
            _remove_abandoned(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name, _locked(Path(name)):
        yield Path(name)


def _remove_abandoned(folder: Path) -> None:
    about = folder.lstat()
    if about.st_uid == os.geteuid() and stat.S_ISDIR(about.st_mode) and time.time() - about.st_mtime > MIN_AGE_S:
        with _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the kernel releases however its holder ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
