"""The canary: the same work before and after each run. When it takes longer, the machine has become slower.

It notices what nothing else shows: a lowered clock, a busy neighbour behind the hypervisor (steal stayed 0 while it
moved by 66 %), a sibling thread that shares the core.
"""

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

WORK: Final = Path(__file__).with_name("canary_work.py")
PIECES: Final = 25
TIMEOUT_S: Final = 10.0
ANYWHERE: Final = -1


class Beat(NamedTuple):
    """The canary once on one processor."""

    piece_s: float  # median time of one piece of the work
    waited_share: float | None  # 0 to 1, run-queue delay over elapsed time; None: the kernel does not say


def measure_canary(cpus: Sequence[int], pieces: int = PIECES) -> float | None:
    """Median seconds of one piece of the fixed work, on the slower of the first and the last of these processors.

    The first is the target's, the last the generator's (`divide_cores`); both work at once, as they will in the run.
    Without processors it runs where the scheduler puts it. None: it could not be run on one of them.
    """
    beats = measure_each(tuple(dict.fromkeys((cpus[0], cpus[-1]))) if cpus else (ANYWHERE,), pieces)
    known = [beat.piece_s for beat in beats if beat is not None]
    return max(known) if len(known) == len(beats) else None  # the one that is missing may have been the slower


def measure_each(cpus: Sequence[int], pieces: int = PIECES) -> tuple[Beat | None, ...]:
    """The canary on each of these processors, all at once; None: it could not be run there."""
    children = [_start(cpu, pieces) for cpu in cpus]
    return tuple(_result(child) for child in children)


def _start(cpu: int, pieces: int) -> subprocess.Popen[str]:
    """Start a child: pinning this process, even briefly, would move its threads and everything it starts."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(WORK), str(cpu), str(pieces)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # the terminal's Ctrl-C is the harness's business
    )


def _result(child: subprocess.Popen[str]) -> Beat | None:
    try:
        output, _ = child.communicate(timeout=TIMEOUT_S)
        piece_s, waited_share = map(float, output.split())
    except (subprocess.TimeoutExpired, ValueError):
        return None
    finally:
        child.kill()
        child.wait()
    return Beat(piece_s, None if math.isnan(waited_share) else waited_share)
