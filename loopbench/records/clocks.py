"""Identifies the monotonic clock of a time. Only times on the same clock may be subtracted."""

import os
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")


def this_clock() -> str:
    """Return the name of this process's monotonic clock: boot id and time namespace; empty if they cannot be read.

    All processes of a host share the clock, across containers and network namespaces. An empty name equals no other.
    """
    try:
        return f"{BOOT_ID.read_text(encoding='ascii').strip()}/{os.readlink(TIME_NAMESPACE)}"  # noqa: PTH115  a name, no path
    except OSError:
        return ""
