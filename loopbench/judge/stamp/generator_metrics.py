"""Was the generator quick enough to be believed? From what it noted about itself, once a second."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Final

import numpy as np

from loopbench.judge.run.run import NO_GOOD_ANSWER, NO_WINDOW, Run
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.records.generator_watch import WatchedSecond
from loopbench.records.own_ceiling import OwnCeiling
from loopbench.records.session import Phase

NO_WATCH: Final = "a generator noted nothing about itself in it"
OF_GENERATOR: Final = (
    *("generator_cpu_share", "generator_cpu_peak"),
    *("generator_lag_share", "generator_lag_tail", "own_ceiling_share"),
)


def generator_metrics(run: Run, ceiling: OwnCeiling | NotObservable | NotApplicable | None) -> dict[str, Metric]:
    """Figures by name. Of several generators, the worst: users of a slow one are as badly timed.

    Args:
        run: the run.
        ceiling: what these generators reach against a server that does nothing; None: never measured.
    """
    if not run.windows:
        return dict.fromkeys(OF_GENERATOR, NotApplicable(NO_WINDOW))
    answered = any(run.goodput_rps(window) for window in run.windows)
    return {
        "generator_cpu_share": _cpu_share(run, fmean) if answered else NotApplicable(NO_GOOD_ANSWER),
        "generator_cpu_peak": _cpu_share(run, max) if answered else NotApplicable(NO_GOOD_ANSWER),
        "generator_lag_share": _lag_share(run, fmean, _wait_s(run)),
        "generator_lag_tail": _lag_share(run, _p99),
        "own_ceiling_share": _own_ceiling_share(run, ceiling),
    }


def _cpu_share(run: Run, summary: Callable[[Sequence[float]], float]) -> Metric:
    """Of one core, over the seconds of the rise and the windows."""
    seconds = [_within(each, run.shown) for each in run.samples.watch]
    if not seconds or not all(seconds):
        return NotApplicable(run.died) if run.died else Measured(math.nan, NO_WATCH)
    return Measured(max(summary([second.cpu_share for second in each]) for each in seconds))


def _wait_s(run: Run) -> float:
    """A user's mean time between two requests.

    How long the users of a locustfile wait is not known. By Little's law it is users over throughput, less the mean
    response time.
    """
    answers = sum(int(np.count_nonzero(run.within(window))) for window in run.windows)
    if run.spec.load.locustfile is None or not answers:
        return run.think_time_s
    taken_s = sum(float(run.samples.rows["latency_s"][run.within(window)].sum()) for window in run.windows)
    users_s = run.spec.load.users * sum(window.width_s for window in run.windows)
    return max(0.0, (users_s - taken_s) / answers)


def _lag_share(run: Run, summary: Callable[[Sequence[float]], float], wait_s: float = 0.0) -> Metric:
    """Of all heartbeats in the windows, over the median latency and a wait; without a good answer, over a second.

    A generator that stood still would otherwise pass for a target that does not answer.
    """
    lags_us = [[lag for second in _within(each, run.windows) for lag in second.lags_us] for each in run.samples.watch]
    if not lags_us or not all(lags_us):
        return NotApplicable(run.died) if run.died else Measured(math.nan, NO_WATCH)
    latencies_s = np.concatenate([run.samples.rows["latency_s"][run.good_within(window)] for window in run.windows])
    lag_ms = max(map(summary, lags_us)) / 1000
    median_ms = 1000 * (wait_s + float(np.median(latencies_s))) if len(latencies_s) else 1000.0
    return Measured(lag_ms / median_ms, f"{lag_ms:.3g} ms against {median_ms:.3g} ms")


def _p99(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.99, method="inverted_cdf"))


def _own_ceiling_share(run: Run, ceiling: OwnCeiling | NotObservable | NotApplicable | None) -> Metric:
    if not isinstance(ceiling, OwnCeiling):
        return ceiling
    rps = max(run.goodput_rps(window) for window in run.windows)
    return Measured(rps / ceiling.rps, f"{rps:,.4g} of {ceiling.rps:,.4g} requests/s") if ceiling.rps else None


def _within(seconds: Sequence[WatchedSecond], phases: Sequence[Phase]) -> list[WatchedSecond]:
    """Those whose middle lies in one of these phases."""
    return [
        second
        for second in seconds
        if any(phase.start_s <= second.at_s - second.span_s / 2 < phase.end_s for phase in phases)
    ]
