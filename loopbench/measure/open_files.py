"""The limit of open files of this process and of what it starts: a connection is a file on each side."""

import resource
from typing import Final

from loopbench.scenario.values import MAX_USERS

PER_USER: Final = 2  # in the target: the user's connection, and a file or connection opened for its request
OTHERS: Final = 1_024
MAX_NEEDED: Final = OTHERS + PER_USER * MAX_USERS


def allow_open_files(needed: int = MAX_NEEDED) -> int | None:
    """Raise the soft limit to what users and targets need, never above the hard limit; children inherit it.

    Returns the soft limit then, or None where there is none. A limit that is high enough stays as it is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(soft, allowed)
