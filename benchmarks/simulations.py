"""Simulates how often the statistics are right: the long simulation tests, as the tables of docs/statistics.md.

    python -m benchmarks simulations [sessions]

It takes about two minutes by default. All simulations have fixed seeds, so the figures do not depend on the machine.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from loopbench.judge.statistics.changepoints import steadiness
from loopbench.judge.statistics.comparisons import (
    MIN_ROUNDS,
    Comparison,
    compare,
    half_width,
    rounds_needed,
    rounds_still_needed,
)
from loopbench.judge.statistics.curves import Usl, describe, knee_users
from loopbench.judge.statistics.fits import RunCurve
from loopbench.judge.statistics.intervals import Estimate
from loopbench.judge.statistics.verdict import Better, Quantity, Word, judge
from tests.judge import simulate

GOODPUT = Quantity("goodput", "1/s", Better.HIGHER)
SESSIONS = 10_000
FEW_ANSWERS = (0, 1, 2, 5, 10, 20)
CURVES = 200
PAIRS = (1, 3, 7)
DISTURBANCES = {
    "10 % drift": simulate.drift(0.10),
    "one 15 % step": simulate.step(0.15),
    "AR(0.9)": simulate.autoregressive(0.9),
    "white, 5 %": simulate.white(0.05),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", type=int, nargs="?", default=SESSIONS, help="simulated sessions for each figure")
    sessions: int = parser.parse_args(arguments).sessions
    print("\nRounds for a half-width of 5 %, by the spread of the log-ratios")
    table(("spread", "rounds"), ((percent(s), str(rounds_needed(s, 0.05))) for s in (0.02, 0.03, 0.05, 0.08, 0.14)))
    print("\nHow often the 95 % interval covers the true ratio (7 % a run)")
    table(("rounds", "log-t", "percentile bootstrap"), coverage(sessions))
    print("\nThe same when a session stops as soon as its interval is within 5 % (at least 5 rounds, at most 30)")
    table(("% a run", "rounds on average", "covered"), stopped_coverage(sessions // 2))
    print("\nHow often two equal variants are called FASTER or SLOWER (nominal 5 %)")
    table(("disturbance", "rounds", "random rounds", "AAABBB"), false_differences(sessions // 2))
    print("\nThe same for 8 generations with 6 pairs of slices, and processes that differ by 3 %")
    table(("disturbance between slices", "over generations", "over slices"), of_slices(sessions // 5))
    print("\nHow often the intervals of all pairs with the baseline hold at once (variants that are equal)")
    table(("rounds", *(f"{pairs} pairs" for pairs in PAIRS)), together(sessions // 4))
    print("\nHow often the verdict is EQUIVALENT")
    table(("% a run", "rounds", "truly equal", "truly 5 % apart"), equivalences(sessions // 4))
    print("\nHow often the bound on a ratio holds, by the answers in a window of the slow variant")
    table(("rounds", *map(str, FEW_ANSWERS)), bounds(sessions // 10))
    print(f"\nKnees found in {CURVES} noisy curves of 1 to 100 users: how many, their mean and standard deviation")
    table(("curve", "noise", "phi", "found", "mean", "sd"), knees())
    print("\nA loop blocked for 20 ms: sigma")
    table(("noise", "mean", "least", "above 0.95"), blocked())
    print(f"\nAlarms in {CURVES} windows of 100 slices")
    table(("noise", "phi", "steady", "15 % down halfway"), alarms())
    return 0


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    titles = tuple(head)
    print("\n| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def percent(part: float | np.floating) -> str:
    """Format a share with one decimal place."""
    return f"{100 * part:.1f} %"


def covers(comparison: Comparison, ratio: float) -> bool:
    """Return whether the 95 % interval contains the true ratio."""
    interval = comparison.interval()
    return interval is not None and interval.low <= ratio <= interval.high


def coverage(sessions: int) -> Iterable[tuple[str, ...]]:
    """Compare log-t with the percentile bootstrap on the same sessions."""
    for rounds in (3, 5, 8, 12):
        rng = np.random.default_rng(rounds)
        made = [simulated(rounds, simulate.white(0.07), rng, ratio=1.3) for _ in range(sessions)]
        boot = [bootstrap_covers(np.array(logs_of(c)), np.log(1.3), rng) for c in made[: sessions // 5]]
        yield str(rounds), percent(np.mean([covers(c, 1.3) for c in made])), percent(np.mean(boot))


def logs_of(comparison: Comparison) -> tuple[float, ...]:
    """Return the log ratios of a paired comparison."""
    assert isinstance(comparison.estimate, Estimate)
    return comparison.estimate.logs


def bootstrap_covers(logs: simulate.Array, truth: float, rng: np.random.Generator) -> bool:
    """Return whether the usual bootstrap interval, 2.5 % to 97.5 % of resampled means, covers the truth."""
    means = logs[rng.integers(0, len(logs), (1000, len(logs)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return bool(low <= truth <= high)


def simulated(
    rounds: int,
    noise: simulate.Noise,
    rng: np.random.Generator,
    order: simulate.Order = simulate.random_rounds,
    ratio: float = 1.0,
) -> Comparison:
    """Simulate and compare one session."""
    return compare(simulate.session(rounds, noise, order, rng, ratio), "a", "b")


def stopped_coverage(sessions: int) -> Iterable[tuple[str, ...]]:
    """Return the coverage with the stopping rule, which favours sessions that happen to agree."""
    for spread in (0.03, 0.05, 0.08):
        rng = np.random.default_rng(30)
        stopped = [stop(simulated(30, simulate.white(spread), rng)) for _ in range(sessions)]
        lengths = np.mean([c.rounds for c in stopped])
        yield percent(spread), f"{lengths:.1f}", percent(np.mean([covers(c, 1.0) for c in stopped]))


def stop(whole: Comparison) -> Comparison:
    """Return the session as the stopping rule would have ended it."""
    for rounds in range(MIN_ROUNDS, whole.rounds):
        begun = Comparison("a", "b", Estimate(logs_of(whole)[:rounds]))
        if rounds_still_needed([begun], 0.05) == 0:
            return begun
    return whole


def false_differences(sessions: int) -> Iterable[tuple[str, ...]]:
    """Apply the same analysis to both orders."""
    for name, noise in DISTURBANCES.items():
        for rounds in (5, 8, 12):
            rng = np.random.default_rng(rounds)
            rates = [
                np.mean([not covers(simulated(rounds, noise, rng, order), 1.0) for _ in range(sessions)])
                for order in (simulate.random_rounds, simulate.one_after_the_other)
            ]
            yield name, str(rounds), *(percent(rate) for rate in rates)


def of_slices(sessions: int) -> Iterable[tuple[str, ...]]:
    """Return how often equal variants are called different by an interval over generations, and by one over slices."""
    for name, noise in DISTURBANCES.items():
        rng = np.random.default_rng(7)
        made = [simulate.generations(8, 6, noise, 0.03, rng) for _ in range(sessions)]
        rates = [
            np.mean([not covers(compare(figures(one), "a", "b"), 1.0) for one in made])
            for figures in (simulate.by_process, simulate.by_slice)
        ]
        yield name, *(percent(rate) for rate in rates)


def together(sessions: int) -> Iterable[tuple[str, ...]]:
    """Yield rounds and, for each number of pairs, how often all of their intervals hold."""
    for rounds in (2, 3, 5, 12):
        yield str(rounds), *(percent(simulate.held_together(rounds, pairs, sessions)) for pairs in PAIRS)


def equivalences(sessions: int) -> Iterable[tuple[str, ...]]:
    """Return how often truly equal and truly different variants are called EQUIVALENT."""
    for spread in (0.03, 0.05, 0.08, 0.20):
        for rounds in (3, 5, 8, 12):
            rng = np.random.default_rng(rounds)
            rates = []
            for ratio in (1.0, 1.05):
                made = [simulated(rounds, simulate.white(spread), rng, ratio=ratio) for _ in range(sessions)]
                rates.append(np.mean([judge(GOODPUT, [c])[0].word is Word.EQUIVALENT for c in made]))
            widest = f" (half-width {percent(half_width(spread * 2**0.5, rounds))})"
            yield percent(spread), str(rounds) + widest, *(percent(rate) for rate in rates)


def bounds(sessions: int) -> Iterable[tuple[str, ...]]:
    """Yield rounds and, for each number of answers, how often the bound holds."""
    for rounds in (1, 2, 5, 12):
        held = (simulate.bound_coverage(answers, rounds, trials=sessions) for answers in FEW_ANSWERS)
        yield str(rounds), *(percent(each) for each in held)


def knees() -> Iterable[tuple[str, ...]]:
    """Return the knees found in curves with and without one."""
    curves = {
        "hinge at 40": simulate.hinge_curve(40),
        "hinge at 6": simulate.hinge_curve(6),
        "straight": simulate.hinge_curve(1000),
        "flat": simulate.hinge_curve(1),
        "USL (0.05, 0.0005)": simulate.usl_curve(0.05, 0.0005),
    }
    for name, clean in curves.items():
        for spread in (0.05, 0.10, 0.14):
            for phi in (0.0, 0.5):
                found = [k for k in (knee(clean, spread, phi, seed) for seed in range(CURVES)) if k is not None]
                figures = (f"{np.mean(found):.1f}", f"{np.std(found):.2f}") if found else ("-", "-")
                yield name, percent(spread), str(phi), f"{len(found)}", *figures


def knee(clean: RunCurve, spread: float, phi: float, seed: int) -> float | None:
    """Return the knee of one noisy copy."""
    noisy = simulate.disturbed(clean, spread, np.random.default_rng(seed), phi)
    return knee_users(noisy.users, noisy.rps)


def blocked() -> Iterable[tuple[str, ...]]:
    """Return sigma for a server that answers one request at a time, 50 per second, on a ramp of 1 user/s to 100."""
    for spread in (0.0, 0.02, 0.05, 0.10):
        sigmas = []
        for seed in range(50):
            rng = np.random.default_rng(seed)
            ramp = simulate.binned(*simulate.closed_loop_ramp(servers=1, service_s=0.020, users=100, rng=rng))
            shape = describe([simulate.disturbed(ramp, spread, rng)])
            sigmas += [shape.sigma.value] if isinstance(shape, Usl) else []
        above = np.mean(np.array(sigmas) > 0.95)
        yield percent(spread), f"{np.mean(sigmas):.3f}", f"{min(sigmas):.3f}", f"{percent(above)} of {len(sigmas)}"


def alarms() -> Iterable[tuple[str, ...]]:
    """Return the rates of change-point alarms in windows of 100 slices."""
    down = np.where(np.arange(100) >= 50, 0.85, 1.0)
    for spread in (0.05, 0.10):
        for phi in (0.0, 0.5, 0.9):
            noise = simulate.autoregressive(phi, spread)
            rates = [alarm_rate(noise, level) for level in (np.ones(100), down)]
            yield percent(spread), str(phi), *(percent(rate) for rate in rates)


def alarm_rate(noise: Callable[[int, np.random.Generator], simulate.Array], level: simulate.Array) -> float:
    """Return the share of windows with at least one step."""
    windows = (steadiness(level * np.exp(noise(100, np.random.default_rng(seed)))) for seed in range(CURVES))
    return float(np.mean([bool(window and window.changes) for window in windows]))


if __name__ == "__main__":
    sys.exit(main())
