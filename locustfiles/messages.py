"""The messages between a master and its workers, in addition to Locust's own.

Worker to master: HELLO (facts about the worker), READY (the order is accepted), WARM (the warm-up is over). Each of
Locust's reports also has the keys FRAMES (bytes of the samples file) and CLOSED (these were the last bytes).
Master to worker: ORDER (`order`, the load order as JSON, and `generator`, the worker's number) or REFUSED (`why`, a
sentence), then one PHASE (`phase`, its name) after the other.
"""

import os
import socket
from typing import Any, Final

from loopbench import __version__
from loopbench.records import FORMAT_VERSION, clocks
from loopbench.records.generators import WORKER_KEY_VARIABLE

HELLO: Final = "loopbench-hello"
READY: Final = "loopbench-ready"
WARM: Final = "loopbench-warm"
ORDER: Final = "loopbench-order"
REFUSED: Final = "loopbench-refused"
PHASE: Final = "loopbench-phase"

FRAMES: Final = "loopbench_frames"
CLOSED: Final = "loopbench_closed"


def hello() -> dict[str, Any]:
    """Return the facts about this worker."""
    return {
        "format": FORMAT_VERSION,
        "loopbench": __version__,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "clock": clocks.this_clock(),
        "key": worker_key(),
    }


def worker_key() -> str:
    """Return what a master and its workers on this machine know alone; empty where workers are elsewhere."""
    return os.environ.get(WORKER_KEY_VARIABLE, "")


def version_problem(greeting: dict[str, Any]) -> str | None:
    """Return why a worker cannot take part and what to do, in one sentence; None if it can."""
    theirs, ours = greeting.get("loopbench"), __version__
    if theirs != ours:
        return f"the worker is loopbench {theirs}, the master {ours}: install the same version on both machines"
    if greeting.get("format") != FORMAT_VERSION:
        return (
            f"the worker writes format {greeting.get('format')}, the master {FORMAT_VERSION}: "
            "install the same version on both machines"
        )
    return None
