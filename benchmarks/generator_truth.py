"""Do we measure what wrk measures, and do our users get equal shares: must-shows 2 and 4.

The target app under uvicorn has core 0. In every pair, for each route, LlhttpUser (a plateau run of the real
generator: 100 users without think time, every answer checked and recorded) and wrk (100 connections) ask it from core
1, one after the other in random order.

    python benchmarks/generator_truth.py [--quick] [--pairs N] [--seconds S] [--seed N]

Printed: both rates, the paired ratio with its 95 % interval, the server's CPU time per request under each, and the
least and most served user. Under five minutes; --quick takes one, and is too short to decide a close case.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.generator_runs import Server, order, paired_ratio, run, serving, verdict, wrk

ROUTES: Final = ("/hello", "/write", "/write_bad", "/write_with_thread", "/write_async", "/write_anyio")
LEAST_RATIO: Final = 0.97
MOST_UNFAIR: Final = 0.20
ENOUGH_EACH: Final = 50
"""Fairness is judged where every user was answered so often; with ten answers each, one more or less is 10 %."""

APP: Final = (
    *(sys.executable, "-m", "uvicorn", "target_app.main:app", "--host", "127.0.0.1", "--port", "{port}"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    *("--timeout-keep-alive", "75"),
)


class Pair(NamedTuple):
    """One route asked by both, one after the other."""

    ours_rps: float
    wrk_rps: float
    ours_cpu_us: float  # of the server, a request
    wrk_cpu_us: float
    least: int  # answers of the least served of our users
    most: int
    failures: int


def main() -> int:
    """Print everything; 1 if a promise was not kept."""
    options = parse_options()
    if shutil.which("wrk") is None:
        print("wrk is missing: apt install wrk. Nothing was measured.")
        return 1
    found: dict[str, list[Pair]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, serving(APP) as server:
        for number in range(options.pairs):
            draw = random.Random(options.seed + number)  # noqa: S311  reproducible on purpose
            for route in draw.sample(ROUTES, len(ROUTES)):
                pair = one_pair(server, route, Path(name) / "run", options.seconds, ours_first=draw.random() < 0.5)
                found[route].append(pair)
                print(f"pair {number + 1}: {route:18} {pair.ours_rps:9,.0f} wrk {pair.wrk_rps:9,.0f}", flush=True)
    return report(found)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two pairs")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.pairs = options.pairs or (2 if options.quick else 8)
    return options


def one_pair(server: Server, route: str, folder: Path, seconds: float, *, ours_first: bool) -> Pair:
    """Both generators, one after the other."""

    def ours() -> tuple[float, float, int, int, int]:
        before_s = server.cpu_s
        ran = run(order(server.url, route, folder, hold_s=seconds), folder)
        cpu_us = (server.cpu_s - before_s) / len(ran.samples.rows) * 1e6
        return ran.rps, cpu_us, *ran.per_user, ran.failures

    def theirs() -> tuple[float, float]:
        before_s = server.cpu_s
        rps = wrk(f"{server.url}{route}", seconds)
        return rps, (server.cpu_s - before_s) / (rps * max(1, round(seconds))) * 1e6

    if ours_first:
        (rps, cpu_us, least, most, failures), (wrk_rps, wrk_cpu_us) = ours(), theirs()
    else:
        (wrk_rps, wrk_cpu_us), (rps, cpu_us, least, most, failures) = theirs(), ours()
    return Pair(rps, wrk_rps, cpu_us, wrk_cpu_us, least, most, failures)


def report(found: dict[str, list[Pair]]) -> int:
    """The tables; 1 if a promise was not kept."""
    print(f"\n{'':18} {'ours':>8} {'wrk':>8}   ours / wrk             server CPU us/request    least and most served")
    slow, unfair, failures = [], [], 0
    for route in ROUTES:
        pairs = found[route]
        ratio, low, high = paired_ratio([(pair.ours_rps, pair.wrk_rps) for pair in pairs])
        ours, theirs = (statistics.median(values) for values in list(zip(*pairs, strict=True))[:2])
        cpu_us, wrk_cpu_us = (statistics.median(values) for values in list(zip(*pairs, strict=True))[2:4])
        worst = max(pairs, key=lambda pair: 1 - pair.least / max(1, pair.most))
        print(
            f"{route:18} {ours:8,.0f} {theirs:8,.0f}   {ratio:.3f} [{low:.3f}, {high:.3f}]   "
            f"{cpu_us:7.1f} with wrk {wrk_cpu_us:7.1f}     {worst.least} and {worst.most}"
        )
        slow += [route] if ratio < LEAST_RATIO else []
        unfair += [route] if worst.least >= ENOUGH_EACH and worst.least < (1 - MOST_UNFAIR) * worst.most else []
        failures += sum(pair.failures for pair in pairs)
    print(f"\n{verdict(reached=not slow)} not below {LEAST_RATIO} of wrk on any route ({', '.join(slow) or 'none is'})")
    fair = f"users differ by less than {MOST_UNFAIR:.0%} wherever each was answered {ENOUGH_EACH} times or more"
    print(f"{verdict(reached=not unfair)} {fair} ({', '.join(unfair) or 'nowhere more'})")
    print(f"{verdict(reached=not failures)} wrong or missing answers: {failures}")
    print(
        "Both send the same bytes (request line and Host, nothing else), so where the rates differ, the rhythm does:\n"
        "compare the server's CPU time for a request under each. It falls when more requests wait at each look."
    )
    return 1 if slow or unfair or failures else 0


if __name__ == "__main__":
    sys.exit(main())
