"""What the probe costs: CPU microseconds a request on a trivial endpoint at full speed, with it and without.

A pair is two fresh targets, up at the same time on one core; the load (plain sockets, keep-alive, in a process of its
own on another core) takes them in turn, in short slices in the order ABBA, so that both meet the same machine. One
ratio a pair: the interval is Student's t over the pairs' log ratios. CPU time is the scheduler's own, of all threads.

    python benchmarks/probe_cost.py [--pairs 10] [--seconds 4] [--level watch] [--loop uvloop] [--json]
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from scipy import stats

HERE = Path(__file__).resolve()
CONNECTIONS = 16
SLICE_S = 0.25
REQUEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nx-loopbench-sent: 1.0\r\n\r\n"

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    """As little as an endpoint can do."""
    return {"message": "Hello World"}


# --- the load: this file run with `--as-load` -------------------------------------------------------------------


def _answer(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while b"Hello World" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("the target closed a connection")
        data += more


class Asked:
    """One target and the connections to it; every connection has one request under way."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self.connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        self.requests, self.cpu_s = 0, 0.0

    def cpu_now_s(self) -> float:
        """CPU time of all its threads so far, in the scheduler's nanoseconds (schedstat's first number)."""
        files = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def keep_busy(self, seconds: float) -> None:
        """Ask and wait for answers, as fast as it goes."""
        before_s = self.cpu_now_s()
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            for connection in self.connections:
                connection.sendall(REQUEST)
            for connection in self.connections:
                _answer(connection)
            self.requests += CONNECTIONS
        self.cpu_s += self.cpu_now_s() - before_s

    def forget(self) -> None:
        """What came so far was warm-up."""
        self.requests, self.cpu_s = 0, 0.0


def load(targets: list[int], seconds: float) -> list[float]:
    """CPU microseconds a request of two targets (port, pid, port, pid), each loaded for `seconds` in all."""
    first, second = Asked(*targets[:2]), Asked(*targets[2:])
    for target in (first, second):
        target.keep_busy(0.5)
        target.forget()
    for _ in range(max(1, round(seconds / SLICE_S / 2))):
        for target in (first, second, second, first):
            target.keep_busy(SLICE_S)
    return [1e6 * target.cpu_s / target.requests for target in (first, second)]


# --- the measurement ---------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


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
def target(level: str | None, loop: str) -> Iterator[tuple[int, int]]:
    """A running target's port and pid; `level` None: without the probe, on the same loop."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "probe"), "PYTHONHASHSEED": "0"}
        if level is not None:
            environ |= {"LOOPBENCH_PROBE_DIR": folder, "LOOPBENCH_PROBE_LEVEL": level}
        uvicorn = [sys.executable, "-m", "uvicorn", f"{HERE.stem}:app", "--app-dir", str(HERE.parent)]
        options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        hook = ["--loop", f"loopbench_probe:new_{loop}_loop"]
        process = subprocess.Popen([*_pin(0), *uvicorn, *options, *hook], env=environ)
        try:
            _wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(20)


def measure_pair(level: str, loop: str, seconds: float, *, probe_first: bool) -> tuple[float, float]:
    """CPU microseconds a request without the probe and with it."""
    levels = (level, None) if probe_first else (None, level)
    with target(levels[0], loop) as first, target(levels[1], loop) as second:
        numbers = [str(number) for number in (*first, *second)]
        command = [*_pin(1), sys.executable, str(HERE), "--seconds", str(seconds), "--as-load", *numbers]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60 + 4 * seconds)
    figures = json.loads(done.stdout)
    without_us, with_us = reversed(figures) if probe_first else figures
    return without_us, with_us


def summarize(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    """Ratio with/without as exp(mean log ratio), and its 95 % interval by Student's t over pairs."""
    logs = [math.log(with_us / without_us) for without_us, with_us in pairs]
    mean = statistics.fmean(logs)
    half = stats.t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return {
        "pairs": len(pairs),
        "without_us": statistics.fmean(pair[0] for pair in pairs),
        "with_us": statistics.fmean(pair[1] for pair in pairs),
        "extra": math.expm1(mean),
        "extra_low": math.expm1(mean - half),
        "extra_high": math.expm1(mean + half),
        "log_ratio_stdev": statistics.stdev(logs),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--level", choices=("watch", "explain"), default="watch")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--as-load", nargs=4, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.as_load:
        print(json.dumps(load(options.as_load, options.seconds)))
        return
    pairs = [
        measure_pair(options.level, options.loop, options.seconds, probe_first=number % 2 == 1)
        for number in range(options.pairs)
    ]
    summary = {"level": options.level, "loop": options.loop, **summarize(pairs)}
    if options.json:
        print(json.dumps({**summary, "pairs_us": pairs}, indent=1))
        return
    print("| level | loop | pairs | without, µs | with, µs | extra CPU a request | 95 % interval |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {options.level} | {options.loop} | {summary['pairs']} | {summary['without_us']:.1f} "
        f"| {summary['with_us']:.1f} | {summary['extra']:+.1%} "
        f"| {summary['extra_low']:+.1%} to {summary['extra_high']:+.1%} |"
    )


if __name__ == "__main__":
    main()
