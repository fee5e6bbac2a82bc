"""What a master and its workers tell each other beside Locust's own messages.

Worker to master: HELLO (who I am), READY (the order is understood), WARM (warm-up is over), and in every report of
Locust's the key FRAMES (bytes of the samples file) and CLOSED (these were the last).
Master to worker: ORDER (`order`, the load order as JSON, and `generator`, its number) or REFUSED (`why`, a sentence),
then PHASE after PHASE (`phase`, its name).
"""

import os
import socket
from typing import Any, Final

from loopbench import __version__
from loopbench.records import FORMAT_VERSION, clocks

HELLO: Final = "loopbench-hello"
READY: Final = "loopbench-ready"
WARM: Final = "loopbench-warm"
ORDER: Final = "loopbench-order"
REFUSED: Final = "loopbench-refused"
PHASE: Final = "loopbench-phase"

FRAMES: Final = "loopbench_frames"
CLOSED: Final = "loopbench_closed"


def hello() -> dict[str, Any]:
    """Who this worker is."""
    return {
        "format": FORMAT_VERSION,
        "loopbench": __version__,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "clock": clocks.this_clock(),
    }


def version_problem(greeting: dict[str, Any]) -> str | None:
    """Why a worker cannot take part, in a sentence that says what to do; None if it can."""
    theirs, ours = greeting.get("loopbench"), __version__
    if theirs != ours:
        return f"the worker is loopbench {theirs}, the master {ours}: install the same version on both machines"
    if greeting.get("format") != FORMAT_VERSION:
        return (
            f"the worker writes format {greeting.get('format')}, the master {FORMAT_VERSION}: "
            "install the same version on both machines"
        )
    return None
