"""What a variant could reach at most, and which resource stops it: the ceilings of one run, for the chart.

What is observed comes from the same run: by Little's law D = (mean number of requests that hold a resource) / X, so
m / D is X over the share of the resource that was in use. Such a ceiling lies above the measured throughput by
construction and proves nothing (rule B0, in `load_metrics`, uses the users' bound alone); it shows what was full, and
where the curve would end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from loopbench.judge.run.ceilings import (
    Limits,
    Reading,
    Resource,
    anyio_limiter,
    cpu_cores,
    event_loop,
    read,
)
from loopbench.judge.run.probe_log import ProbeLogs
from loopbench.judge.run.run import Run
from loopbench.records.session import Phase

QUEUED = 0.5
"""Mean length of the default executor's queue from which all its threads were at work (they are not counted)."""


@dataclass(frozen=True)
class RunCeilings:
    """The bounds of one run, and its throughput beside them.

    Args:
        limits: `limits.at(users)` is the ceiling at a number of users.
        users: N in the window.
        answers_rps: X in the window, failed answers included: they held the same resources.
    """

    limits: Limits
    users: float
    answers_rps: float

    @cached_property
    def reading(self) -> Reading:
        """Below, at, or unexplained; `reading.sentence` in words, `reading.limits` what is within 5 %."""
        return read(self.answers_rps, self.limits.at(self.users))

    @property
    def lines(self) -> tuple[tuple[str, float], ...]:
        """Name and height (requests per second) of every resource's ceiling, the lowest first."""
        return tuple(sorted(((each.name, each.rps) for each in self.limits.resources), key=lambda line: line[1]))


def run_ceilings(run: Run, cores: int) -> RunCeilings | None:
    """Of the run's window with most users; None when nothing was answered there, or in open mode.

    Args:
        run: the run.
        cores: processors of the machine, for a target that is not pinned.

    Raises:
        DataError: a file of the run is damaged.
    """
    window = max(run.windows, key=lambda phase: run.occupation[phase].users, default=None)
    if window is None or run.is_open or (alone_s := run.alone_s(window)) is None:
        return None
    answers_rps = float(np.count_nonzero(run.within(window))) / window.width_s
    resources = tuple(_resources(run, window, answers_rps, len(run.record.target_cpus) or cores))
    return RunCeilings(Limits(resources, alone_s, run.think_time_s), run.occupation[window].users, answers_rps)


def _resources(run: Run, window: Phase, rps: float, cpus: int) -> Iterator[Resource]:
    """Held by a request for (mean holders) / X seconds each. What was not measured or not used is left out."""
    seconds = run.seconds_within(run.probe.seconds, window)
    if seconds.empty:
        return
    workers = seconds["pid"].nunique()
    busy = _held(seconds, seconds["utilization"])
    if busy:
        yield event_loop(busy / rps, workers)
    borrowed, tokens = _held(seconds, seconds["anyio_borrowed_mean"]), seconds["anyio_total"].max()
    if borrowed and not pd.isna(tokens):
        yield anyio_limiter(borrowed / rps, int(tokens), workers)
    yield from _executor(run.probe, seconds, rps)
    computing = _held(seconds, seconds["process_cpu_share"])
    if computing:
        yield cpu_cores(computing / rps, cpus)


def _executor(logs: ProbeLogs, seconds: pd.DataFrame, rps: float) -> Iterator[Resource]:
    """Its busy threads are not counted, but while jobs queue for them all are."""
    threads = sum(int(each.start.pools.get("executor_threads") or 0) for each in logs.processes)
    full = _held(seconds, (seconds["executor_queue_mean"] >= QUEUED).astype("Float64"))
    if threads and full:
        workers = seconds["pid"].nunique()
        yield Resource(f"default executor of {threads // workers}", threads, full / workers * threads / rps)


def _held(seconds: pd.DataFrame, holders: pd.Series) -> float:
    """Mean number of holders over the window, all workers together; 0 where it was not measured."""
    width_s = (seconds["t1_monotonic_s"] - seconds["t0_monotonic_s"]).astype("Float64")
    known = holders.notna()
    span_s = float(width_s[known].sum()) / max(1, seconds["pid"].nunique())
    return float((holders[known] * width_s[known]).sum()) / span_s if span_s else 0.0
