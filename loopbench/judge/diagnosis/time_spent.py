"""Where a request's time goes: before the app, on the loop, queueing for a pool, in a thread, elsewhere, after the app.

Pure arithmetic over the samples and the probe's tables of one window. Two kinds of knowledge meet, and each part says
which it is:

- *exact*, at the explain level: the stamps of the requests that asked for them (one in four), which also separate slow
  requests from quick ones; and the sums the probe kept for every request of a route, which give means alone.
- *estimated*, at the watch level: the mean wait for a pool by Little's law (waiters / answers a second; Little, "A
  Proof for the Queuing Formula L = lambda W", Operations Research 9 (1961)). It is of all requests together,
  because the probe does not see whose the waiters are.

What neither can know is None with a reason, and never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from loopbench.judge.run.run import Run
from loopbench.judge.run.samples import Samples
from loopbench.records.session import Phase
from loopbench.scenario.route_patterns import fits

EXACT, ESTIMATED, UNKNOWN = "exact", "estimated", "unknown"

BEFORE_APP: Final = "before the app"  # kernel, accept, waiting for the loop to come round
ON_LOOP: Final = "on the loop"
IN_QUEUE: Final = "queue for a pool"
IN_THREAD: Final = "in a thread"
ELSEWHERE: Final = "elsewhere in the app"  # awaiting: other services, timers, locks, the loop's next turn
AFTER_APP: Final = "after the app"  # from when the whole answer was handed to the server until the client had it

ROUTE_PARTS: Final = (ON_LOOP, IN_QUEUE, IN_THREAD, ELSEWHERE)
IN_APP, AFTER_ANSWER = "in the app", "after the answer"  # sums of parts

GROUPS: Final = ((0.0, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.0))
"""Quantiles of the latency between which requests are taken together."""
MIN_GROUP: Final = 20  # stamped requests from which a group is reported

WATCH_LEVEL: Final = "the probe's watch level does not follow single requests: measure with --explain"
NO_STAMPS: Final = "no answer in this window was stamped"
NO_ROUTE: Final = "the probe saw no route that fits this request"
SIDE_BY_SIDE: Final = "jobs of one request ran side by side, so that their times add up to more than it took"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a request's way; mean over the window's requests, in seconds."""

    name: str
    mean_s: float | None
    basis: str  # EXACT, ESTIMATED or UNKNOWN
    why: str = ""  # of what is unknown


@dataclass(frozen=True, slots=True)
class Group:
    """Requests whose latency lay between two quantiles: exact means over the stamped ones, in seconds."""

    low: float
    high: float
    requests: int
    latency_s: float
    before_app_s: float
    in_app_s: float
    after_app_s: float


@dataclass(frozen=True, slots=True)
class PoolWait:
    """A pool that requests waited for, all requests of the window together."""

    pool: str
    waiting: float  # mean number of waiters; at the explain level total wait over the window's length
    wait_s: float | None  # mean a request; None: nothing was answered
    basis: str


@dataclass(frozen=True, slots=True)
class RequestTime:
    """Where the time of one request name went.

    The parts add up to `latency_s`, and to what the app still did after its answer (`after_answer_s`), which no
    user waited for; but for the difference between the stamped requests and all.
    """

    name: str
    route: str | None  # of the probe's table
    requests: int  # good answers in the window
    stamped: int  # of them, with the app's stamps
    latency_s: float | None
    after_answer_s: float | None  # background tasks, teardown; None: not seen
    parts: tuple[Part, ...]
    groups: tuple[Group, ...]

    def mean_s(self, part: str) -> float | None:
        """A part's mean by its name."""
        return next(each.mean_s for each in self.parts if each.name == part)


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """One window of one run."""

    level: str  # of the probe: watch or explain
    requests: tuple[RequestTime, ...]
    pools: tuple[PoolWait, ...]


def time_spent(run: Run, window: Phase) -> TimeSpent | None:
    """Where the time went of the requests that were answered well in one window; None if the probe did not run."""
    if run.origin_s is None or not run.probe.processes:
        return None
    routes, queues = (run.seconds_within(table, window) for table in (run.probe.routes, run.probe.queues))
    levels = {process.start.level for process in run.probe.processes}
    level = "explain" if levels == {"explain"} else "watch"
    answered, answers_per_s = run.good_within(window), run.goodput_rps(window)
    own_first = sorted(run.spec.requests, key=lambda request: request.name != run.variant.name)
    found = tuple(
        _request_time(
            run.samples, answered, each.name, _route_of(each.method, each.request_target, routes), routes, queues, level
        )
        for each in own_first
    )
    seconds = run.seconds_within(run.probe.seconds, window)
    pools = _waited(queues, _seen_s(seconds) or window.width_s, answers_per_s)
    return TimeSpent(level, found, pools if level == "explain" else _little(seconds, answers_per_s))


def _seen_s(seconds: pd.DataFrame) -> float:
    """How much of a window the probe's seconds cover, mean over the processes."""
    lengths_s = seconds["t1_monotonic_s"] - seconds["t0_monotonic_s"]
    return float(lengths_s.sum()) / max(1, seconds["pid"].nunique())


def _request_time(  # noqa: PLR0913  the two halves of what is known, and how to join them
    samples: Samples,
    answered: Mask,
    name: str,
    route: str | None,
    routes: pd.DataFrame,
    queues: pd.DataFrame,
    level: str,
) -> RequestTime:
    chosen = answered & samples.named(name)
    stamped = samples.rows[chosen & ~np.isnan(samples.rows["in_app_s"])]
    latency_s = samples.rows["latency_s"][chosen]
    means = _of_route(route, routes, queues)
    return RequestTime(
        name=name,
        route=route,
        requests=len(latency_s),
        stamped=len(stamped),
        latency_s=_mean(latency_s),
        after_answer_s=means.get(AFTER_ANSWER),
        parts=_parts(stamped, means, level),
        groups=_groups(stamped),
    )


def _of_route(route: str | None, routes: pd.DataFrame, queues: pd.DataFrame) -> dict[str, float]:
    """Means of one route from the probe's sums, in seconds a request: its parts, IN_APP and AFTER_ANSWER, or none."""
    rows, jobs = routes[routes["route"] == route], queues[queues["route"] == route]
    requests = float(rows["requests"].sum())
    if route is None or not requests:
        return {}
    columns = (rows["in_app_s"], rows["after_app_s"], rows["on_loop_s"], jobs["wait_s"], jobs["run_s"])
    in_app_s, after_s, on_loop_s, queue_s, thread_s = (float(column.sum()) / requests for column in columns)
    parts = {ON_LOOP: on_loop_s, IN_QUEUE: queue_s, IN_THREAD: thread_s}
    elsewhere_s = in_app_s + after_s - on_loop_s - queue_s - thread_s
    return {**parts, ELSEWHERE: elsewhere_s, IN_APP: in_app_s, AFTER_ANSWER: after_s}


def _parts(stamped: npt.NDArray[np.void], means: Mapping[str, float], level: str) -> tuple[Part, ...]:
    before_s, latency_s = _mean(stamped["before_app_s"]), _mean(stamped["latency_s"])
    after_s = None
    if before_s is not None and latency_s is not None and means:
        after_s = max(0.0, latency_s - before_s - means[IN_APP])
    known = {BEFORE_APP: before_s} | {name: means.get(name) for name in ROUTE_PARTS} | {AFTER_APP: after_s}
    why = dict.fromkeys((BEFORE_APP, AFTER_APP), NO_STAMPS) | dict.fromkeys(ROUTE_PARTS, NO_ROUTE)
    if level != "explain":
        why = dict.fromkeys(why, WATCH_LEVEL)
    if means.get(ELSEWHERE, 0.0) < 0:
        known[ELSEWHERE], why[ELSEWHERE] = None, SIDE_BY_SIDE
    return tuple(
        Part(name, None, UNKNOWN, why[name]) if mean_s is None else Part(name, mean_s, EXACT)
        for name, mean_s in known.items()
    )


def _groups(stamped: npt.NDArray[np.void]) -> tuple[Group, ...]:
    ordered = stamped[np.argsort(stamped["latency_s"], kind="stable")]
    cuts = [round(len(ordered) * high) for _, high in GROUPS]
    parts = zip(GROUPS, np.split(ordered, cuts[:-1]), strict=True)
    return tuple(_group(low, high, rows) for (low, high), rows in parts if len(rows) >= MIN_GROUP)


def _group(low: float, high: float, rows: npt.NDArray[np.void]) -> Group:
    latency_s, before_s, in_app_s = (
        float(np.mean(rows[field], dtype=np.float64)) for field in ("latency_s", "before_app_s", "in_app_s")
    )
    return Group(low, high, len(rows), latency_s, before_s, in_app_s, latency_s - before_s - in_app_s)


def _waited(queues: pd.DataFrame, seen_s: float, answers_per_s: float) -> tuple[PoolWait, ...]:
    """Exact: the waits of every job in the time that was seen, over the answers meanwhile."""
    totals_s = queues.groupby("pool")["wait_s"].sum()
    waiting = {str(pool): float(total_s) / seen_s for pool, total_s in totals_s.items()}
    return tuple(PoolWait(pool, mean, _per_answer(mean, answers_per_s), EXACT) for pool, mean in waiting.items())


def _little(seconds: pd.DataFrame, answers_per_s: float) -> tuple[PoolWait, ...]:
    """Estimated: waiters seen at the heartbeats, of all processes."""
    waits = []
    for pool, column in (("anyio", "anyio_waiting_mean"), ("executor", "executor_queue_mean")):
        known = seconds.dropna(subset=[column])
        if len(known):
            waiting = float(known.groupby("pid")[column].mean().sum())
            waits.append(PoolWait(pool, waiting, _per_answer(waiting, answers_per_s), ESTIMATED))
    return tuple(waits)


def _per_answer(waiting: float, answers_per_s: float) -> float | None:
    return waiting / answers_per_s if answers_per_s > 0 else None


def _route_of(method: str, target: str, routes: pd.DataFrame) -> str | None:
    """The probe's route for a request: its own path, or else the first pattern that fits."""
    path = target.partition("?")[0]
    known = [str(route) for route in routes["route"].unique()]
    if f"{method} {path}" in known:
        return f"{method} {path}"
    return next((route for route in known if fits(route, f"{method} {path}")), None)


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    return float(np.mean(values, dtype=np.float64)) if len(values) else None
