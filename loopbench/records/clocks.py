"""Which monotonic clock a time was read from. Two times may be subtracted only when they are on the same one."""

import os
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")


def this_clock() -> str:
    """This process's monotonic clock: the kernel's boot and its time namespace; empty where neither can be read.

    The processes of one host share it, its containers and network namespaces included. An empty name equals no other.
    """
    try:
        return f"{BOOT_ID.read_text(encoding='ascii').strip()}/{os.readlink(TIME_NAMESPACE)}"  # noqa: PTH115  a name, no path
    except OSError:
        return ""
