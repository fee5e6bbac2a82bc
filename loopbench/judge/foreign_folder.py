"""A session folder may come from a stranger: what it must not hold, looked at before anything in it is read or written.

Reading opens regular files only, so nothing outside the folder gets into a page; and nothing is written through a link.
"""

import os
import stat
from pathlib import Path
from typing import Final

from loopbench.errors import DataError

MAX_FILES: Final = 200_000
MAX_BYTES: Final = 64_000_000_000
MAX_FILE_BYTES: Final = 8_000_000_000
"""Of one, which may be read whole."""


def refuse_hostile(folder: Path) -> None:
    """Look at every entry below a session's folder.

    Raises:
        DataError: one is a symbolic link, or neither file nor folder; or they are too many or too large to be ours.
    """
    files, total_bytes = 0, 0
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            try:
                about = path.lstat()
            except FileNotFoundError:  # a session under way
                continue
            if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
                raise _hostile(f"{path} is {_kind(about.st_mode)}; a session holds files and folders only", folder)
            files, total_bytes = files + 1, total_bytes + about.st_size
            if max(files / MAX_FILES, total_bytes / MAX_BYTES, about.st_size / MAX_FILE_BYTES) > 1:
                raise _hostile(f"{path} and what lies beside it are more than any session writes", folder)


def _kind(mode: int) -> str:
    return "a symbolic link" if stat.S_ISLNK(mode) else "a device, a pipe or a socket"


def _hostile(what: str, folder: Path) -> DataError:
    hint = "copy the session without it, if you trust where it comes from"
    return DataError(what, slug="session-hostile", where=str(folder), hints=(hint,), kept="nothing was read or written")
