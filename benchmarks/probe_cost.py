"""The cost of the probe: CPU microseconds per request on a trivial endpoint at full speed, with and without it.

A pair is two fresh targets that run at the same time on one core. The load (plain sockets, keep-alive, a separate
process on another core) alternates between them in slices of 10 ms in the order ABBA, so that both see the same machine
(slices of 50 ms doubled the spread of the ratios). Each pair gives one ratio of sums over all slices, so that the
probe's work once a second counts as well. CPU time is the scheduler's own, of all threads. One in four requests to both
targets has the header that asks for stamps at the explain level, as in any `loopbench run --explain`.

Pairs are measured in groups, with a look at the interval after each group. If the interval lies on one side of the
limit, the measurement ends. Several looks make a false result more likely, so every interval is wider than usual:
Student's t over the pairs' log ratios at Pocock's nominal level for this number of looks (Biometrika 64, 1977), which
gives 95 % over all looks.

    python -m benchmarks.probe_cost [--quick] [--level watch] [--loop uvloop] [--json]

Exit status 1: above the limit, or not shown to be below it. `--level none` compares two targets without the probe,
which shows the error of the method itself. `--level moving` compares the probe with and without the wrapper
of `run_in`, for a route whose calls stay as written.
"""

import argparse
import contextlib
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI

from loopbench.judge.figures import percent
from loopbench.measure.target import free_port

HERE = Path(__file__).resolve()
CONNECTIONS = 16
SLICE_S = 0.01
REQUEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
STAMPED_REQUEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nx-loopbench-stamp: 1\r\n\r\n"
STAMPED_EVERY = 4
"""Equal to the value in `loopbench.records.stamps`, for a generator's users."""
NO_PROBE, MOVING = "none", "moving"


class Limit(NamedTuple):
    """Limits of the extra CPU per request, as a share of the cost without the probe."""

    mean: float
    upper: float  # for the interval's upper end


LIMITS = {
    NO_PROBE: Limit(0.01, 0.02),
    "watch": Limit(0.01, 0.02),
    "explain": Limit(0.08, 0.08),
    MOVING: Limit(0.08, 0.08),
}
BASES = {MOVING: "watch"}
"""What a level is compared with, if not with a target without the probe."""


class Plan(NamedTuple):
    """The number of pairs and of looks."""

    group: int  # pairs between two looks
    looks: int
    seconds: float  # of load per target and pair


FULL, QUICK = Plan(group=8, looks=5, seconds=4.0), Plan(group=5, looks=2, seconds=3.0)
POCOCK = {1: 0.05, 2: 0.0294, 3: 0.0221, 4: 0.0182, 5: 0.0158}
"""Two-sided nominal level at each look, by number of looks, for 5 % in all."""

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    """Do as little as an endpoint can."""
    return {"message": "Hello World"}


# --- the load: this file run with `--as-load` -------------------------------------------------------------------


def _answer(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while b"Hello World" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("the target closed a connection")
        data += more


class LoadedTarget:
    """One target and its connections; each connection has one request in flight."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self.connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        self.requests, self.cpu_s = 0, 0.0

    def cpu_now_s(self) -> float:
        """Return the CPU time of all its threads so far, in the scheduler's nanoseconds (schedstat's first number)."""
        files = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def keep_busy(self, seconds: float) -> None:
        """Send requests and wait for answers, as fast as possible."""
        before_s = self.cpu_now_s()
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            for number, connection in enumerate(self.connections):
                connection.sendall(REQUEST if number % STAMPED_EVERY else STAMPED_REQUEST)
            for connection in self.connections:
                _answer(connection)
            self.requests += CONNECTIONS
        self.cpu_s += self.cpu_now_s() - before_s

    def forget(self) -> None:
        """Reset the counts after the warm-up."""
        self.requests, self.cpu_s = 0, 0.0


def load(targets: list[int], seconds: float) -> list[float]:
    """Return the CPU microseconds per request of two targets (port, pid, port, pid), each loaded for `seconds`."""
    first, second = LoadedTarget(*targets[:2]), LoadedTarget(*targets[2:])
    for target in (first, second):
        target.keep_busy(0.5)
        target.forget()
    for _ in range(max(1, round(seconds / SLICE_S / 2))):
        for target in (first, second, second, first):
            target.keep_busy(SLICE_S)
    return [1e6 * target.cpu_s / target.requests for target in (first, second)]


# --- the measurement ---------------------------------------------------------------------------------------------


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the target did not start")


def _pin(core: int) -> list[str]:
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[core % len(cores)])]


@contextlib.contextmanager
def _target(level: str, loop: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a target and yield its port and process; level `none`: without the probe, on the same loop."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "probe"), "PYTHONHASHSEED": "0"}
        if level != NO_PROBE:
            environ |= {"LOOPBENCH_PROBE_DIR": folder, "LOOPBENCH_PROBE_LEVEL": BASES.get(level, level)}
        if level == MOVING:
            environ["LOOPBENCH_PROBE_ROUTE"] = "GET /hello"
        uvicorn = [sys.executable, "-m", "uvicorn", f"{HERE.stem}:app", "--app-dir", str(HERE.parent)]
        options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        hook = ["--loop", f"loopbench_probe:new_{loop}_loop"]
        process = subprocess.Popen([*_pin(0), *uvicorn, *options, *hook], env=environ)
        try:
            yield port, process
        finally:
            process.terminate()
            process.wait(20)


def measure_pair(level: str, loop: str, seconds: float, *, probe_first: bool) -> tuple[float, float]:
    """Return the CPU microseconds per request without and with the probe."""
    base = BASES.get(level, NO_PROBE)
    levels = (level, base) if probe_first else (base, level)
    with _target(levels[0], loop) as first, _target(levels[1], loop) as second:
        for port, _ in (first, second):
            _wait_for(port)
        numbers = [str(number) for port, process in (first, second) for number in (port, process.pid)]
        command = [*_pin(1), sys.executable, str(HERE), "--seconds", str(seconds), "--as-load", *numbers]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60 + 4 * seconds)
    figures = json.loads(done.stdout)
    without_us, with_us = reversed(figures) if probe_first else figures
    return without_us, with_us


class Extra(NamedTuple):
    """The probe's cost: with/without - 1, as exp(mean log ratio), and its interval by Student's t over pairs."""

    mean: float
    low: float
    high: float
    log_ratio_stdev: float


def summarize(pairs: list[tuple[float, float]], nominal_level: float) -> Extra:
    """Return the figures over `pairs` (microseconds without, with). The interval leaves out `nominal_level` in all."""
    from scipy import stats  # noqa: PLC0415  not in the target, which is this module too

    logs = [math.log(with_us / without_us) for without_us, with_us in pairs]
    mean, stdev = statistics.fmean(logs), statistics.stdev(logs)
    half = stats.t.ppf(1 - nominal_level / 2, len(logs) - 1) * stdev / math.sqrt(len(logs))
    return Extra(math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half), stdev)


def verdict(extra: Extra, limit: Limit) -> str:
    """Return PASS, FAIL (certainly above the limit), or "not resolved"."""
    if extra.mean <= limit.mean and extra.high <= limit.upper:
        return "PASS"
    return "FAIL" if extra.low > limit.mean else "not resolved"


def measure(level: str, loop: str, plan: Plan) -> tuple[list[tuple[float, float]], Extra, str]:
    """Measure pairs until a look decides, or all of them."""
    pairs: list[tuple[float, float]] = []
    for _ in range(plan.looks):
        for _ in range(plan.group):
            pairs.append(measure_pair(level, loop, plan.seconds, probe_first=len(pairs) % 2 == 1))
        extra = summarize(pairs, POCOCK[plan.looks])
        outcome = verdict(extra, LIMITS[level])
        ends = f"[{percent(extra.low, '+.2f')}, {percent(extra.high, '+.2f')}]"
        print(f"{len(pairs)} pairs: {percent(extra.mean, '+.2f')} {ends} {outcome}", file=sys.stderr)
        if outcome != "not resolved":
            break
    return pairs, extra, outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if the cost is not shown to be below the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK}; without it {FULL}")
    parser.add_argument("--level", choices=tuple(LIMITS), default="watch")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--as-load", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.as_load:
        print(json.dumps(load(options.as_load, options.seconds)))
        return 0
    pairs, extra, outcome = measure(options.level, options.loop, QUICK if options.quick else FULL)
    if options.json:
        figures = {"level": options.level, "loop": options.loop, **extra._asdict(), "outcome": outcome}
        print(json.dumps({**figures, "pairs_us": pairs}, indent=1))
    else:
        _print(options.level, options.loop, pairs, extra, outcome)
    return 0 if outcome == "PASS" else 1


def _print(level: str, loop: str, pairs: list[tuple[float, float]], extra: Extra, outcome: str) -> None:
    without_us, with_us = (statistics.fmean(pair[index] for pair in pairs) for index in (0, 1))
    print("| level | loop | pairs | without, µs | with, µs | extra CPU per request | interval |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {level} | {loop} | {len(pairs)} | {without_us:.1f} | {with_us:.1f} | {percent(extra.mean, '+.1f')} "
        f"| {percent(extra.low, '+.1f')} to {percent(extra.high, '+.1f')} |"
    )
    limit = LIMITS[level]
    print(f"\n{outcome}: limit {percent(limit.mean)} for the mean, {percent(limit.upper)} for the interval's upper end")


if __name__ == "__main__":
    sys.exit(main())
