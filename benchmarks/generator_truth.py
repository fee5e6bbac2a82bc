"""Does the generator measure the same throughput as wrk, and are its users served evenly?

The target app under uvicorn has core 0. For each route, LlhttpUser (a plateau run of the real generator: 100 users
without think time, every answer checked and recorded) and wrk (100 connections) load it from core 1 in turns of one
second, in the order ABBA, so that drift favours neither. Our generator is stopped (SIGSTOP) during wrk's turn; its
outstanding requests are answered in a pause before it, which counts for neither. With whole runs instead of turns, the
noise of a virtual machine spreads the ratios by 15 to 25 %.

    python -m benchmarks.generator_truth [--quick] [--pairs N] [--seed N]

It prints both rates, the paired ratio with its 95 % interval, the server's CPU time per request under each, and the
least and most served user. It takes about six minutes; --quick takes one, which is too short for a close case.
"""

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import psutil

from benchmarks.generator_runs import (
    GENERATOR_CORE,
    Ran,
    Scheduled,
    Server,
    measured,
    origin_s,
    paired_ratio,
    pinned,
    serving,
    spec,
    verdict,
    wrk,
)
from loopbench.judge.figures import percent
from loopbench.measure.load import Load, loaded
from loopbench.records.samples import PHASE_HOLD
from loopbench.records.tail import LiveView

ROUTES: Final = ("/hello", "/write", "/write_bad", "/write_with_thread", "/write_async", "/write_anyio")
MIN_RATIO: Final = 0.97
MAX_UNFAIR: Final = 0.20
TURN_S: Final = 1.0
PAUSE_S: Final = 0.25
"""Pause between turns, in which the server answers the last requests of the other side, at most 100."""
ENOUGH_EACH: Final = 50
"""Fairness is judged if every user got so many answers; with ten answers each, one more or less is 10 %."""

APP: Final = (
    *(sys.executable, "-m", "uvicorn", "target_app.main:app", "--host", "127.0.0.1", "--port", "{port}"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    *("--timeout-keep-alive", "75"),
)


class Turn(NamedTuple):
    """What the server did in one turn."""

    rps: float
    cpu_us: float  # of the server, per request
    wakes: float  # of the server's threads, per request


class Route(NamedTuple):
    """One route, loaded by both in turns."""

    pairs: list[tuple[Turn, Turn]]  # ours, wrk's
    least: int  # answers of the least served of our users
    most: int
    failures: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 if a claim was not reached."""
    options = parse_options(arguments)
    if shutil.which("wrk") is None:
        print("wrk is missing: apt install wrk. Nothing was measured.")
        return 1
    routes = random.Random(options.seed).sample(ROUTES, len(ROUTES))  # noqa: S311  reproducible on purpose
    found = {}
    with tempfile.TemporaryDirectory() as name, serving(APP) as server:
        for route in routes:
            found[route] = asked_in_turns(server, route, Path(name) / "run", options.pairs)
            for ours, theirs in found[route].pairs:
                print(f"{route:18} {ours.rps:9,.0f} wrk {theirs.rps:9,.0f}", flush=True)
    return report(found)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three pairs")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.pairs = options.pairs or (3 if options.quick else 20)
    return options


class AlternatingLoads:
    """Alternates a running load of ours with wrk on one server, as soon as all users have come."""

    def __init__(self, server: Server, route: str, pairs: int, load: Load) -> None:
        self._server = server
        self._url = f"{server.url}{route}"
        self._pairs = pairs
        self._load = load
        self.ours: list[tuple[float, float, Scheduled]] = []  # monotonic begin and end, and the server's figures
        self.theirs: list[Turn] = []

    def look(self, view: LiveView) -> None:
        """Run all turns at the first call after the hold has begun."""
        if view.phase == PHASE_HOLD and not self.ours:
            for number in range(self._pairs):
                for turn in (self._ours, self._wrk) if number % 2 == 0 else (self._wrk, self._ours):
                    turn()
            self._signal(signal.SIGCONT)

    def _ours(self) -> None:
        self._signal(signal.SIGCONT)
        time.sleep(PAUSE_S)
        began_s, before = time.perf_counter(), self._server.scheduled
        time.sleep(TURN_S)
        self.ours.append((began_s, time.perf_counter(), self._server.scheduled.since(before)))
        self._signal(signal.SIGSTOP)
        time.sleep(PAUSE_S)

    def _wrk(self) -> None:
        before = self._server.scheduled
        rps = wrk(self._url, TURN_S)
        self.theirs.append(_turn(rps, rps * TURN_S, self._server.scheduled.since(before)))
        time.sleep(PAUSE_S)

    def _signal(self, number: signal.Signals) -> None:
        for root in self._load.pids:
            for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
                os.kill(process.pid, number)


def asked_in_turns(server: Server, route: str, folder: Path, pairs: int) -> Route:
    """Measure one route with both generators."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    hold_s = pairs * (2 * TURN_S + 3 * PAUSE_S + 0.2) + 1
    asked = spec(server.url, route, folder, hold_s=hold_s)
    with loaded(asked, folder, cpus=(pinned(GENERATOR_CORE),)) as load:
        turns = AlternatingLoads(server, route, pairs, load)
        load.watch(turns.look)
    ran = measured(folder)
    ours = [_our_turn(ran, origin_s(folder), *turn) for turn in turns.ours]
    return Route(list(zip(ours, turns.theirs, strict=True)), *ran.per_user, ran.failures)


def _our_turn(ran: Ran, origin_at_s: float, began_s: float, ended_s: float, did: Scheduled) -> Turn:
    ends_s = ran.samples.end_s + origin_at_s
    count = int(np.count_nonzero(ran.samples.good & (ends_s >= began_s) & (ends_s < ended_s)))
    return _turn(count / (ended_s - began_s), count, did)


def _turn(rps: float, requests: float, did: Scheduled) -> Turn:
    return Turn(rps, did.cpu_s / requests * 1e6, did.turns / requests)


def report(found: dict[str, Route]) -> int:
    """Print the tables; return 1 if a claim was not reached."""
    print(
        f"\n{'':18} {'ours':>8} {'wrk':>8}   ours / wrk             "
        "server CPU us/request, wakes/request (with wrk)     least and most served"
    )
    for route in ROUTES:
        pairs, least, most, _ = found[route]
        ratio, low, high = _ratio(found[route])
        ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
        print(
            f"{route:18} {_median(ours, 'rps'):8,.0f} {_median(theirs, 'rps'):8,.0f}   "
            f"{ratio:.3f} [{low:.3f}, {high:.3f}]   "
            f"{_median(ours, 'cpu_us'):7.1f} ({_median(theirs, 'cpu_us'):7.1f})"
            f"{_median(ours, 'wakes'):6.2f} ({_median(theirs, 'wakes'):5.2f})     {least} and {most}"
        )
    slow = [route for route in ROUTES if _ratio(found[route])[0] < MIN_RATIO]
    unfair = [
        route
        for route, (_, least, most, _) in found.items()
        if least >= ENOUGH_EACH and least < (1 - MAX_UNFAIR) * most
    ]
    failures = sum(each.failures for each in found.values())
    print(f"\n{verdict(reached=not slow)} not below {MIN_RATIO} of wrk on any route ({', '.join(slow) or 'none is'})")
    fair = f"users differ by less than {percent(MAX_UNFAIR)} wherever each was answered {ENOUGH_EACH} times or more"
    print(f"{verdict(reached=not unfair)} {fair} ({', '.join(unfair) or 'nowhere more'})")
    print(f"{verdict(reached=not failures)} wrong or missing answers: {failures}")
    print(
        "Both send the same bytes, request line and Host. Where the server spends less CPU on a request of ours, it\n"
        "wakes less often for it: the generator reads all answers that came, then sends all next requests."
    )
    return 1 if slow or unfair or failures else 0


def _ratio(route: Route) -> tuple[float, float, float]:
    return paired_ratio([(ours.rps, theirs.rps) for ours, theirs in route.pairs])


def _median(turns: list[Turn], name: str) -> float:
    return float(statistics.median(getattr(turn, name) for turn in turns))


if __name__ == "__main__":
    sys.exit(main())
