"""Was the generator quick enough to be believed? From what it noted about itself, once a second."""

import math
from collections.abc import Sequence

import numpy as np

from loopbench.judge.run.run import NO_WINDOW, Run
from loopbench.judge.stamp.metrics import Measured, Metric, NotApplicable, NotObservable
from loopbench.records.generator_watch import WatchedSecond, lag_ms
from loopbench.records.own_ceiling import OwnCeiling
from loopbench.records.session import Phase

NO_WATCH = "a generator noted nothing about itself in it"


def generator_metrics(run: Run, ceiling: OwnCeiling | NotObservable | None) -> dict[str, Metric]:
    """Figures of `RunMetrics` by name. Of several generators, the worst: users of a slow one are as badly timed.

    Args:
        run: the run.
        ceiling: what these generators reach against a server that does nothing; None: never measured.
    """
    nothing = NotApplicable(NO_WINDOW)
    return {
        "generator_cpu_share": _cpu_share(run) if run.shown else nothing,
        "generator_lag_share": _lag_share(run) if run.windows else nothing,
        "own_ceiling_share": _own_ceiling_share(run, ceiling) if run.windows else nothing,
    }


def _cpu_share(run: Run) -> Metric:
    """Of one core, in the busiest second of the rise or a window."""
    seconds = [_within(each, run.shown) for each in run.samples.watch]
    if not seconds or not all(seconds):
        return Measured(math.nan, NO_WATCH)
    return Measured(max(second.cpu_share for each in seconds for second in each))


def _lag_share(run: Run) -> Metric:
    """p99 of all heartbeats in the windows, over the median latency there."""
    lags_ms = [lag_ms(_within(seconds, run.windows), 0.99) for seconds in run.samples.watch]
    known_ms = [each for each in lags_ms if each is not None]
    if not known_ms or len(known_ms) < len(lags_ms):
        return Measured(math.nan, NO_WATCH)
    latencies_s = np.concatenate([run.samples.rows["latency_s"][run.good_within(window)] for window in run.windows])
    median_ms = 1000 * float(np.median(latencies_s)) if len(latencies_s) else 0.0
    if not median_ms:
        return Measured(math.nan, "no good answer to compare with")
    return Measured(max(known_ms) / median_ms, f"{max(known_ms):.3g} ms against {median_ms:.3g} ms")


def _own_ceiling_share(run: Run, ceiling: OwnCeiling | NotObservable | None) -> Metric:
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
