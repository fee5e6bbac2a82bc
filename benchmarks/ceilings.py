"""Do real pools reach the ceilings that arithmetic gives them?

    python benchmarks/ceilings.py [--hold-s 8] [--runs 3]

A wait of T = 50 ms with 100 users who ask again at once: N/T where it is awaited, 40/T in anyio's limiter, P/T with
P = min(32, cpus + 4) in asyncio's own executor, 1/T when the loop itself sleeps; wanted: within 5 %. Work of C seconds
in processes, 20 users: cores/C, where C is what the same function takes in bare processes, one on each core, all at
work (two cores of a virtual machine are rarely twice one); wanted: within 15 %. Every run is a whole `loopbench run` of
its own, the bare work is done before and after it; the median counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.generator_runs import verdict
from target_app.cpu import compute

ROOT: Final = Path(__file__).resolve().parents[1]
T_S: Final = 0.05
USERS: Final = 100
NUMBERS: Final = 3_000_000
"""Squares a request: some 150 ms, so that handing it over counts for little. At 50 ms anyio.to_process reached 0.85 of
its ceiling where the standard pool, which keeps one request ready in advance, reached 0.93."""
BARE_S: Final = 4.0
SCENARIO: Final = """
title = "Ceilings"
question = "Are they reached?"
[target]
app = "target_app.only:{module}"
app_dir = "{root}"
{target}
[load]
users = {users}
spawn_rate = {users}
hold_s = {hold_s}
[repeat]
max_rounds = 0
"""
VARIANT: Final = """
[[variants]]
name = "{name}"
path = "{path}"
target = {{ workers = {workers} }}
"""


class Way(NamedTuple):
    """One way to do the work, and how many requests it can hold at once."""

    name: str
    path: str
    places: int
    workers: int = 1


def main() -> int:
    """Print the table; 1 if a ceiling does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold-s", type=float, default=8.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    waits = (
        Way("await asyncio.sleep, N/T", f"/wait/async?seconds={T_S}", USERS),
        Way("def, 40/T", f"/wait/def?seconds={T_S}", 40),
        Way("asyncio.to_thread, P/T", f"/wait/to-thread?seconds={T_S}", min(32, (os.cpu_count() or 1) + 4)),
        Way("time.sleep in async def, 1/T", f"/wait/blocking?seconds={T_S}", 1),
    )
    cores = len(os.sched_getaffinity(0))
    works = (
        Way("process pool, cores/C", f"/cpu/process-pool?numbers={NUMBERS}", cores),
        Way("anyio.to_process, cores/C", f"/cpu/to-process?numbers={NUMBERS}", cores),
        Way(f"{cores} workers, cores/C", f"/cpu/inline?numbers={NUMBERS}", cores, workers=cores),
    )
    waited = measure(waits, "wait", "", USERS, options)
    bare = [bare_rps(cores)]
    worked = measure(works, "cpu", "pin = false", 20, options)
    bare.append(bare_rps(cores))
    print(f"{'':32}{'reached':>9}{'ceiling':>9}{'ratio':>8}")
    held = [reached(way, waited, way.places / T_S, 0.05) for way in waits]
    held += [reached(way, worked, statistics.fmean(bare), 0.15) for way in works]
    print(f"{verdict(reached=all(held))} waits within 5 %, processes within 15 % of their ceilings")
    return 0 if all(held) else 1


def bare_rps(cores: int) -> float:
    """Requests' worth of work a second, in bare processes at once, one a core."""
    with get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(worked_rps, range(cores), chunksize=1))


def worked_rps(core: int) -> float:
    """How often the function runs in a second on one core."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})
    began_s, done = time.perf_counter(), 0
    while time.perf_counter() - began_s < BARE_S:
        compute(NUMBERS)
        done += 1
    return done / (time.perf_counter() - began_s)


def reached(way: Way, found: dict[str, float], ceiling_rps: float, most: float) -> bool:
    """Whether it is as near as wanted; prints its line."""
    ratio = found[way.name] / ceiling_rps
    print(f"{way.name:<32}{found[way.name]:>9.1f}{ceiling_rps:>9.1f}{ratio:>8.3f}", flush=True)
    return abs(ratio - 1) <= most


def measure(
    ways: tuple[Way, ...], module: str, target: str, users: int, options: argparse.Namespace
) -> dict[str, float]:
    """Good answers a second of each, the median of the runs."""
    every: dict[str, list[float]] = {way.name: [] for way in ways}
    text = SCENARIO.format(module=module, root=ROOT, target=target, users=users, hold_s=options.hold_s)
    text += "".join(VARIANT.format(name=way.name, path=way.path, workers=way.workers) for way in ways)
    for seed in range(1, options.runs + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "ceilings.toml").write_text(text, encoding="utf-8")
            line = [sys.executable, "-m", "loopbench", "run", "ceilings.toml", "--seed", str(seed)]
            done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
            summaries = list(folder.glob("results/ceilings/*/summary.json"))
            if not summaries:
                raise SystemExit(f"loopbench run ended with code {done.returncode}:\n{done.stderr}")
            for variant in json.loads(summaries[0].read_text(encoding="utf-8"))["variants"]:
                every[variant["name"]].append(variant["goodput_rps"])
    return {name: statistics.median(values) for name, values in every.items()}


if __name__ == "__main__":
    sys.exit(main())
