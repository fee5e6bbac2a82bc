"""What a variant could reach at most, and which resource stops it: the ceilings of one run, for the chart.

Two kinds, never mixed up. What is *known beforehand* (the users, work of a known length) may prove a measurement
wrong: rule B0, in `load_metrics`. What is *observed* here comes from the same run: by Little's law D = (mean number of
requests that hold a resource) / X, so m / D is X over the share of the resource that was in use. Such a ceiling lies
above the measured throughput by construction and proves nothing; it says what was full, and where the curve would end.
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
from loopbench.judge.run.load_view import LoadView, load_view
from loopbench.judge.run.probe_log import ProbeLogs, read_probe_logs
from loopbench.judge.run.run_files import RunFiles
from loopbench.records.session import Phase

FEW_USERS = 2
FEWEST_ALONE = 5
"""Good answers at up to `FEW_USERS` users from which their median is the response time alone."""
QUEUED = 0.5
"""Mean length of the default executor's queue from which all its threads were at work (they are not counted)."""


@dataclass(frozen=True)
class RunCeilings:
    """The bounds of one run, and how its throughput stands to them.

    Args:
        limits: `limits.curve(users)` is the ceiling in requests per second at each number of users.
        users: N in the window.
        answers_rps: X in the window, failed answers included: they held the same resources.
    """

    limits: Limits
    users: float
    answers_rps: float

    @cached_property
    def reading(self) -> Reading:
        """Below, at, or unexplained; `reading.sentence` says it, `reading.limits` names what is within 5 %."""
        return read(self.answers_rps, self.limits.at(self.users))

    @property
    def lines(self) -> tuple[tuple[str, float], ...]:
        """Name and height (requests per second) of every resource's ceiling, the lowest first."""
        return tuple(sorted(((each.name, each.rps) for each in self.limits.resources), key=lambda line: line[1]))


def run_ceilings(files: RunFiles, cores: int) -> RunCeilings | None:
    """Of the run's window with most users; None when nothing was answered there, or in open mode.

    Args:
        files: of the run.
        cores: processors of the machine, for a target that is not pinned.

    Raises:
        DataError: a file of the run is damaged.
    """
    view = load_view(files)
    window = max(view.windows, key=lambda phase: view.occupation[phase].users, default=None)
    if window is None or view.is_open or not np.any(view.completed(window, view.samples.good)):
        return None
    answers_rps = float(np.count_nonzero(view.completed(window))) / (window.end_s - window.start_s)
    head = view.samples.head
    logs, cpus = read_probe_logs(files.folder), len(files.record.target_cpus) or cores
    resources = tuple(_resources(logs, window, head.origin_monotonic_s, answers_rps, cpus)) if head else ()
    limits = Limits(resources, alone_s(view, window), view.think_time_s)
    return RunCeilings(limits, view.occupation[window].users, answers_rps)


def alone_s(view: LoadView, window: Phase) -> float:
    """R1 of the window's mix: for each name the median latency while hardly anybody was there, or the least ever."""
    rows, good = view.samples.rows, view.samples.loaded & view.samples.good
    mixed = view.completed(window, view.samples.good)
    alone = good & (rows["users"] <= FEW_USERS)
    names, counts = np.unique(rows["name"][mixed], return_counts=True)
    times_s = []
    for name in names.tolist():
        few_s = rows["latency_s"][alone & (rows["name"] == name)]
        all_s = rows["latency_s"][good & (rows["name"] == name)]
        times_s.append(float(np.median(few_s)) if len(few_s) >= FEWEST_ALONE else float(all_s.min()))
    return float(np.average(times_s, weights=counts))


def _resources(logs: ProbeLogs, window: Phase, origin_s: float, rps: float, cpus: int) -> Iterator[Resource]:
    """Held by a request for (mean holders) / X seconds each. What was not measured or not used is left out."""
    seconds = _within(logs.seconds, window, origin_s)
    if seconds.empty:
        return
    workers = seconds["pid"].nunique()
    busy = _held(seconds, seconds["utilization"])
    if busy:
        yield event_loop(busy / rps, workers)
    borrowed, tokens = _held(seconds, seconds["anyio_borrowed_mean"]), seconds["anyio_total"].max()
    if borrowed and not pd.isna(tokens):
        yield anyio_limiter(borrowed / rps, int(tokens), workers)
    yield from _executor(logs, seconds, rps)
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


def _within(seconds: pd.DataFrame, window: Phase, origin_s: float) -> pd.DataFrame:
    """The probe's seconds whose middle lies in the window."""
    middle_s = (seconds["t0_monotonic_s"] + seconds["t1_monotonic_s"]) / 2 - origin_s
    return seconds[(middle_s >= window.start_s) & (middle_s < window.end_s)]
