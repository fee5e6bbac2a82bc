"""Every limit of the diagnosis, in one table. Engineering choices, calibrated with `tests/sick_apps`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Sense(StrEnum):
    """On which side of a limit a rule holds."""

    AT_LEAST = "at least"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure, the value that separates, and what the figure is. Shares are of wall time."""

    figure: str
    value: float
    sense: Sense
    meaning: str


_ROWS = (
    Limit("utilization", 0.85, Sense.AT_LEAST, "share of the time in which the loop had something to do"),
    Limit("waiting part", 0.50, Sense.AT_LEAST, "off-CPU share of the loop's busy time, run-queue delay excluded"),
    Limit(
        "blocked waiting", 0.30, Sense.AT_LEAST, "time in steps over 10 ms in which the loop's thread did not compute"
    ),
    Limit("blocked", 0.10, Sense.AT_LEAST, "time in steps over 10 ms, on a loop that is not full"),
    Limit(
        "blocked unseen", 0.10, Sense.AT_LEAST, "the same without any line to blame: a callback that is a C function"
    ),
    Limit("longest line", 0.05, Sense.AT_LEAST, "the longest blocked line's time over the window"),
    Limit("one line", 0.40, Sense.AT_LEAST, "one line's blocked, off-CPU time: a call, not GIL contention"),
    Limit("short steps", 0.40, Sense.AT_LEAST, "one line's time in steps of up to 10 ms over the window"),
    Limit("process cpu", 0.40, Sense.AT_LEAST, "CPU of all threads, in cores, the loop being full"),
    Limit(
        "other threads' cpu", 0.15, Sense.AT_LEAST, "CPU of the process outside the loop's thread, the loop being full"
    ),
    Limit("threads' cpu", 0.70, Sense.AT_LEAST, "the same on a loop that is not full"),
    Limit("loop cpu", 0.90, Sense.BELOW, "CPU of the loop's thread, the loop being full: above, it has what it wants"),
    Limit("anyio waiting", 1.0, Sense.AT_LEAST, "mean number of tasks waiting for a thread of anyio's limiter"),
    Limit("anyio borrowed", 0.50, Sense.AT_LEAST, "mean share of the limiter's tokens that were out"),
    Limit("executor queue", 1.0, Sense.AT_LEAST, "mean number of jobs waiting for a thread of the default executor"),
    Limit("tasks left", 0.50, Sense.AT_LEAST, "tasks not done after the last answer, for each user"),
    Limit("tasks growth", 0.05, Sense.AT_LEAST, "tasks not done, growing under steady users; for each good answer"),
    Limit("generator cpu", 0.80, Sense.AT_LEAST, "mean CPU of the busiest generator process, of a core"),
    Limit("never served", 0.05, Sense.AT_LEAST, "users without any answer at the end of the window, of all users"),
    Limit("gc pauses", 0.05, Sense.AT_LEAST, "time in garbage collection"),
    Limit("gc bound", 0.30, Sense.AT_LEAST, "the same, where it is what limits"),
    Limit("in flight", 0.50, Sense.AT_LEAST, "mean requests in flight for each user: below, users mostly think"),
)

LIMITS: Final = {limit.figure: limit for limit in _ROWS}

MIN_TASKS: Final = 10
"""Fewer tasks left are the server's own comings and goings."""
NARROW: Final = 0.10
"""A figure this near its limit (relative) makes a diagnosis borderline."""
MIN_SECONDS: Final = 3.0
"""Fewer of them make it borderline too."""
