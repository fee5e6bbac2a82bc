"""Worlds with a known truth, for tests and for the tables in docs/statistics.md: noisy sessions and simulated servers.

Nothing here measures anything; every function is pure in its arguments and the generator handed to it.
"""

import heapq
import math
from collections.abc import Callable
from itertools import count

import numpy as np
from numpy.typing import NDArray

from loopbench.judge.statistics.bounds import BoundedRatio, Count, RateEstimate
from loopbench.judge.statistics.comparisons import Comparison
from loopbench.judge.statistics.fits import RunCurve
from loopbench.judge.statistics.intervals import Estimate
from loopbench.judge.statistics.replicates import Replicates, RunFigure
from loopbench.judge.statistics.verdict import Better, Quantity, judge

Array = NDArray[np.float64]
Noise = Callable[[int, np.random.Generator], Array]
"""Logarithms of what the machine does to consecutive runs: (how many runs, generator) -> one value a run."""


def white(spread: float) -> Noise:
    """Every run on its own."""
    return lambda runs, rng: rng.normal(0, spread, runs)


def drift(size: float, spread: float = 0.03) -> Noise:
    """The machine loses (or, as often, wins) `size` evenly over the session."""

    def noise(runs: int, rng: np.random.Generator) -> Array:
        return _sign(rng) * math.log1p(size) * np.linspace(0, 1, runs) + rng.normal(0, spread, runs)

    return noise


def step(size: float, spread: float = 0.03) -> Noise:
    """One step between two runs, anywhere in the session."""

    def noise(runs: int, rng: np.random.Generator) -> Array:
        after = np.arange(runs) >= rng.integers(1, runs)
        return _sign(rng) * math.log1p(size) * after + rng.normal(0, spread, runs)

    return noise


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def autoregressive(phi: float, spread: float = 0.05) -> Noise:
    """AR(1): each run remembers the one before; `spread` is of the values, not of the innovations."""

    def noise(runs: int, rng: np.random.Generator) -> Array:
        return _ar(runs, phi, spread, rng)

    return noise


def _ar(length: int, phi: float, spread: float, rng: np.random.Generator) -> Array:
    values = np.empty(length)
    values[0] = rng.normal(0, spread)
    innovations = rng.normal(0, spread * math.sqrt(1 - phi**2), length)
    for i in range(1, length):
        values[i] = phi * values[i - 1] + innovations[i]
    return values


def random_rounds(rounds: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    """(round, variant) in measuring order: both in every round, in a random order."""
    return [(number, str(variant)) for number in range(rounds) for variant in rng.permutation(["a", "b"])]


def one_after_the_other(rounds: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    """All of one, then all of the other: what one does who does not know better."""
    return [(number, str(variant)) for variant in rng.permutation(["a", "b"]) for number in range(rounds)]


Order = Callable[[int, np.random.Generator], list[tuple[int, str]]]


def session(rounds: int, noise: Noise, order: Order, rng: np.random.Generator, ratio: float = 1.0) -> Replicates:
    """One session of two variants; a is truly `ratio` times b."""
    plan = order(rounds, rng)
    logs = noise(len(plan), rng)
    return Replicates(
        tuple(
            RunFigure(run, number, variant, 100 * (ratio if variant == "a" else 1.0) * math.exp(log))
            for run, ((number, variant), log) in enumerate(zip(plan, logs, strict=True))
        )
    )


def held_together(rounds: int, pairs: int, trials: int, spread: float = 0.05) -> float:
    """How often the intervals of all pairs with one baseline hold the truth at once; all variants are equal."""
    rng = np.random.default_rng(rounds)
    quantity = Quantity("goodput", "1/s", Better.HIGHER)
    held = 0
    for _ in range(trials):
        logs = rng.normal(0, spread, (rounds, pairs + 1))
        ratios = [Estimate(tuple(logs[:, pair] - logs[:, pairs])) for pair in range(pairs)]
        verdicts = judge(quantity, [Comparison("a", "b", each) for each in ratios])
        held += all(low <= 1 <= high for low, high in (each.shown_interval or (1, 1) for each in verdicts))
    return held / trials


def generations(
    count: int, pairs: int, machine: Noise, process_spread: float, rng: np.random.Generator, ratio: float = 1.0
) -> Array:
    """Answers per second in one session of two variants in slices: generation x pair of slices x variant.

    `machine` is what happens to consecutive slices; each of the two processes of a generation has a speed of its own,
    with a standard deviation of `process_spread`. a is truly `ratio` times b.
    """
    logs = machine(2 * pairs * count, rng).reshape(count, pairs, 2)
    order = rng.permuted(np.broadcast_to([0, 1], logs.shape), axis=2)
    logs = np.take_along_axis(logs, order, axis=2) + rng.normal(0, process_spread, (count, 1, 2))
    return np.asarray(100 * np.exp(logs) * np.array([ratio, 1.0]), dtype=np.float64)


def by_process(generations: Array) -> Replicates:
    """One figure a process."""
    return _replicates(generations.mean(axis=1))


def by_slice(generations: Array) -> Replicates:
    """One figure a slice, which is wrong."""
    return _replicates(generations.reshape(-1, 2))


def _replicates(rps: Array) -> Replicates:
    """Figures of a and b, a row a round."""
    return Replicates(
        tuple(
            RunFigure(2 * number + side, number, variant, float(row[side]))
            for number, row in enumerate(rps)
            for side, variant in enumerate("ab")
        )
    )


def closed_loop_ramp(
    *,
    servers: int,
    service_s: float,
    users: int,
    rng: np.random.Generator,
    response_s: float = 0.0,
    think_s: float = 0.0,
    jitter: float = 0.05,
    spawn_rate: float = 1.0,
) -> tuple[Array, float]:
    """Completion times of users who wait for their answer, think, and ask again, while one more arrives 1/rate.

    First come, first served by `servers` workers that each hold a request for `service_s`; `response_s` passes in
    addition without holding anything. All three times jitter log-normally. Returns the times and the ramp's end.
    """
    end_s = users / spawn_rate
    tie = count()
    events = [(number / spawn_rate, next(tie), False) for number in range(users)]
    heapq.heapify(events)
    free = [0.0] * servers
    done = []

    def about(mean_s: float) -> float:
        return float(mean_s * math.exp(rng.normal(0, jitter))) if mean_s else 0.0

    while events:
        now, _, answered = heapq.heappop(events)
        if now >= end_s:
            break
        if answered:
            done.append(now)
            now += about(think_s)
            heapq.heappush(events, (now, next(tie), False))
            continue
        served = max(now, heapq.heappop(free)) + about(service_s)
        heapq.heappush(free, served)
        heapq.heappush(events, (served + about(response_s), next(tie), True))
    return np.array(done), end_s


def binned(
    done_s: Array, end_s: float, *, spawn_rate: float = 1.0, bin_s: float = 1.0, completions: int = 100
) -> RunCurve:
    """Throughput against users at mid-bin; bins widen in steps of `bin_s` until they hold enough completions."""
    edges = np.arange(0, end_s + bin_s / 2, bin_s)
    counts = np.histogram(done_s, edges)[0]
    users, rps, start, held = [], [], 0.0, 0
    for edge, number in zip(edges[1:], counts, strict=True):
        held += int(number)
        if held >= completions:
            users.append(0.5 + spawn_rate * (start + edge) / 2)
            rps.append(held / (edge - start))
            start, held = float(edge), 0
    return RunCurve(tuple(users), tuple(rps))


def disturbed(curve: RunCurve, spread: float, rng: np.random.Generator, phi: float = 0.0) -> RunCurve:
    """The same curve on a busy machine: relative noise, each bin remembering the last by `phi`."""
    noise = np.exp(_ar(len(curve.rps), phi, spread, rng))
    return RunCurve(curve.users, tuple(float(x) for x in np.array(curve.rps) * noise))


def hinge_curve(knee: float, users: int = 100, slope: float = 10.0, after: float = 0.0) -> RunCurve:
    """Without noise."""
    n = np.arange(1, users + 1, dtype=float)
    return RunCurve(tuple(n), tuple(slope * np.minimum(n, knee) + after * np.maximum(n - knee, 0)))


def usl_curve(sigma: float, kappa: float, users: int = 100, one_user: float = 10.0) -> RunCurve:
    """Without noise."""
    n = np.arange(1, users + 1, dtype=float)
    return RunCurve(tuple(n), tuple(one_user * n / (1 + sigma * (n - 1) + kappa * (n - 1) * n)))


def bound_coverage(answers: float, rounds: int, *, trials: int, noise: float = 0.0) -> float:
    """How often the bound on a ratio holds the truth.

    Args:
        answers: expected in each window of the slow variant; the other one answers 480 times, with 1 % noise per run.
        rounds: windows; the fast variant has at least two, because one has no spread.
        trials: sessions.
        noise: spread of the slow variant's own rate between runs, as a logarithm.
    """
    rng = np.random.default_rng(17)
    held = 0
    for _ in range(trials):
        rates = answers * np.exp(rng.normal(0, noise, rounds) - noise**2 / 2)
        slow = RateEstimate(tuple(Count(int(k), 6.0) for k in rng.poisson(rates)))
        fast = Estimate(tuple(np.log(80 * np.exp(rng.normal(0, 0.01, max(2, rounds))))))
        interval = BoundedRatio(slow, fast).interval()
        held += interval is not None and interval.low <= answers / 480 <= interval.high
    return held / trials
