"""The folders above a project from which an environment and settings may be taken."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SHARED: Final = stat.S_ISVTX | stat.S_IWOTH  # the mode of `/tmp`, which is no project's folder


def upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it, up to one in which other users can write: what they put there would be run."""
    own = folder.stat()
    if own.st_mode & SHARED == SHARED:
        return
    yield folder
    owners, groups = {0, os.geteuid(), own.st_uid}, {os.getegid()}
    if own.st_mode & stat.S_IWGRP:  # its group can write into the folder itself
        groups.add(own.st_gid)
    for parent in folder.parents:
        about = parent.stat()
        others = about.st_mode & (stat.S_IWOTH if about.st_gid in groups else stat.S_IWOTH | stat.S_IWGRP)
        if about.st_uid not in owners or others:
            return
        yield parent
