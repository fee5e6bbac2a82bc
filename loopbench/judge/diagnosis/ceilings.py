"""What a variant could reach at most, and which resource stops it: the ceilings of one run.

X <= min(N / (R1 + Z), m_k / D_k) for N users, R1 the response time of a request alone, Z the think time, D_k how long
one request holds resource k, of which there are m_k. The asymptotic bounds of operational analysis: Denning and Buzen,
ACM Computing Surveys 10 (1978); Lazowska et al., Quantitative System Performance (1984), ch. 5.

D_k is observed in the same run: by Little's law D = (mean number of requests that hold a resource) / X, so m / D is X
over the share of the resource that was in use. Such a ceiling lies above the measured throughput by construction and
proves nothing (rule B0, in `load_metrics`, uses the users' bound alone); it shows what was full, and where the curve
would end.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from loopbench.judge.run.probe_log import ProbeLogs
from loopbench.judge.run.run import Run
from loopbench.records.session import Phase

LIMITED_FROM: Final = 0.95
UNEXPLAINED_BELOW: Final = 0.80
QUEUED: Final = 0.5
"""Mean length of the default executor's queue from which all its threads were at work (they are not counted)."""

USERS: Final = "users"  # the bound that is no resource: so many users cannot ask more often


class Bound(NamedTuple):
    """One upper bound of the throughput: the name of what sets it, and requests per second."""

    name: str
    rps: float


@dataclass(frozen=True)
class Ceilings:
    """The bounds of one run, and its throughput beside them."""

    resources: tuple[Bound, ...]  # the bound of every resource that was used, the lowest first
    alone_s: float  # R1, of the window's mix of requests
    think_time_s: float  # Z
    users: float  # N in the window
    answers_rps: float  # X in the window, failed answers included: they held the same resources

    @property
    def cycle_s(self) -> float:
        """The least time from one request of a user to the next."""
        return self.alone_s + self.think_time_s

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The resources' bounds and that of the users, the lowest first."""
        users = Bound(USERS, self.users / self.cycle_s if self.cycle_s else math.inf)
        return tuple(sorted((*self.resources, users), key=lambda bound: bound.rps))

    @property
    def ratio(self) -> float:
        """Measured throughput over the lowest bound."""
        return self.answers_rps / self.bounds[0].rps

    @property
    def limits(self) -> tuple[str, ...]:
        """Names of every bound within 5 % or exceeded (several can be), the lowest first.

        A short window can hold more whole cycles than it is long, and an answer that fails can be quicker than R1.
        """
        return tuple(name for name, rps in self.bounds if self.answers_rps >= LIMITED_FROM * rps)

    @property
    def sentence(self) -> str:
        """The throughput, its ceiling, and what the difference means."""
        name, rps = self.bounds[0]
        share = f"{self.answers_rps:.4g} of {rps:.4g} requests/s ({100 * self.ratio:.0f} %)"
        if self.limits:
            return f"{share}: limited by {' and '.join(self.limits)}"
        if self.ratio >= UNEXPLAINED_BELOW:
            return f"{share}: below its ceiling, the {name} bound"
        return f"{share}: nothing known explains it"


def ceilings_of(run: Run, cores: int) -> Ceilings | None:
    """Return those of the run's window with most users; None when nothing was answered there, or in open mode."""
    window = max(run.windows, key=lambda phase: run.occupation[phase].users, default=None)
    if window is None or run.is_open or (alone_s := run.alone_s(window)) is None:
        return None
    answers_rps = float(np.count_nonzero(run.within(window))) / window.width_s
    resources = _resources(run, window, answers_rps, len(run.record.target_cpus) or cores)
    return Ceilings(
        resources=tuple(sorted(resources, key=lambda bound: bound.rps)),
        alone_s=alone_s,
        think_time_s=run.think_time_s,
        users=run.occupation[window].users,
        answers_rps=answers_rps,
    )


def _resources(run: Run, window: Phase, rps: float, cpus: int) -> Iterator[Bound]:
    """Yield size / D, with D = (mean holders) / X. What was not measured or not used is left out."""
    seconds = run.seconds_within(run.probe.seconds, window)
    if seconds.empty:
        return
    workers = seconds["pid"].nunique()
    if busy := _held(seconds, seconds["utilization"]):
        yield Bound("event loop", workers / (busy / rps))
    borrowed, tokens = _held(seconds, seconds["anyio_borrowed_mean"]), seconds["anyio_total"].max()
    if borrowed and not pd.isna(tokens):
        yield Bound(f"anyio limiter of {int(tokens)}", int(tokens) * workers / (borrowed / rps))
    yield from _executor(run.probe, seconds, rps)
    if computing := _held(seconds, seconds["process_cpu_share"]):
        yield Bound("CPU core" if cpus == 1 else f"{cpus} CPU cores", cpus / (computing / rps))


def _executor(logs: ProbeLogs, seconds: pd.DataFrame, rps: float) -> Iterator[Bound]:
    """Its busy threads are not counted, but while jobs queue for them all are."""
    threads = sum(int(each.start.pools.get("executor_threads") or 0) for each in logs.processes)
    full = _held(seconds, (seconds["executor_queue_mean"] >= QUEUED).astype("Float64"))
    if threads and full:
        workers = seconds["pid"].nunique()
        yield Bound(f"default executor of {threads // workers}", threads / (full / workers * threads / rps))


def _held(seconds: pd.DataFrame, holders: pd.Series) -> float:
    """Mean number of holders over the window, all workers together; 0 where it was not measured."""
    width_s = (seconds["t1_monotonic_s"] - seconds["t0_monotonic_s"]).astype("Float64")
    known = holders.notna()
    span_s = float(width_s[known].sum()) / max(1, seconds["pid"].nunique())
    return float((holders[known] * width_s[known]).sum()) / span_s if span_s else 0.0
