"""What the loop did, second by second, against the users of that time."""

import math
from typing import NamedTuple

import numpy as np

from loopbench.judge.run.run import Run


class LoopMoment(NamedTuple):
    """One second of one worker against the users of that time; for charts. NaN: not measured."""

    at_s: float  # middle, after the generator's origin
    pid: int
    users: int
    utilization: float
    loop_cpu: float
    anyio_borrowed: float
    anyio_waiting: float
    executor_queue: float


def loop_curve(run: Run) -> tuple[LoopMoment, ...]:
    """Every second the probe saw while there were users, against the number of users in the middle of it."""
    samples, seconds = run.samples, run.probe.seconds
    if run.origin_s is None or seconds.empty:
        return ()
    at = ((seconds["t0_monotonic_s"] + seconds["t1_monotonic_s"]) / 2 - run.origin_s).to_numpy(dtype=np.float64)
    users = np.searchsorted(samples.user_start_times_s, at, side="right")
    last_s = float(samples.end_s.max()) if len(samples.rows) else 0.0
    columns = ["utilization", "loop_cpu_share", "anyio_borrowed_mean", "anyio_waiting_mean", "executor_queue_mean"]
    values = seconds[columns].to_numpy(dtype=np.float64, na_value=math.nan)
    rows = zip(at.tolist(), seconds["pid"], users.tolist(), values.tolist(), strict=True)
    made = [LoopMoment(t, int(pid), n, *figures) for t, pid, n, figures in rows if n > 0 and t <= last_s]
    return tuple(sorted(made))
