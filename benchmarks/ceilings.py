"""Do real pools reach the throughput that arithmetic predicts?

    python -m benchmarks ceilings [--hold-s 8] [--runs 3]

A wait of T = 50 ms with 100 users without think time has the ceilings N/T when awaited, 40/T in anyio's limiter, P/T
with P = min(32, cpus + 4) in asyncio's executor, and 1/T when the loop itself sleeps. Required: within 5 %. Work of C
seconds in processes with 20 users has the ceiling cores/C. C is measured in bare processes, one on each core, all busy
(two cores of a virtual machine are rarely twice one). Required: within 15 %. Every run is a separate `loopbench run`;
the bare work is measured before and after each; the result is the median.

2,000 requests per second may be more than the event loop of a slow machine can answer, and a thread that gets a CPU
late sleeps longer than T. So wrk requests the same waits from bare uvicorn between the runs. If wrk also misses a
ceiling by more than 5 %, the line is NOT ASKED: the machine is too slow (exit status 2), and loopbench has not failed
(1). Without wrk, every missed ceiling is a failure.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from enum import IntEnum
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.generator_runs import serving, wrk
from loopbench.bundled.target_app.cpu import compute

ROOT: Final = Path(__file__).resolve().parents[1]
T_S: Final = 0.05
USERS: Final = 100
NUMBERS: Final = 3_000_000
"""Squares per request: about 150 ms, so that the cost of the handover is small. At 50 ms anyio.to_process reached 0.85
of its ceiling; the standard pool, which keeps one request ready in advance, reached 0.93."""
BARE_S: Final = 4.0
BARE_APP: Final = (
    *(sys.executable, "-m", "uvicorn", "target_app.only:wait", "--host", "127.0.0.1", "--port", "{port}"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
)
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
    """One way to do the work, and how many requests it can handle at once."""

    name: str
    path: str
    places: int
    workers: int = 1


class Kind(NamedTuple):
    """The ways that are measured in one session."""

    module: str  # module of the target app
    target: str  # further keys of the scenario's [target]
    users: int
    within: float  # required distance from the ceiling
    ways: tuple[Way, ...]


class Answer(IntEnum):
    """The result of one line; the worst line is the result of all."""

    HELD = 0
    NOT_ASKED = 1
    FAILED = 2


EXIT_STATUS: Final = {Answer.HELD: 0, Answer.NOT_ASKED: 2, Answer.FAILED: 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a ceiling was missed, 2 if this machine is too slow for one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold-s", type=float, default=8.0)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    cores = len(os.sched_getaffinity(0))
    waits, works = waiting(), working(cores)
    waited, by_wrk = [], []
    for seed in range(1, options.runs + 1):
        waited.append(goodput_rps(waits, options.hold_s, seed))
        by_wrk.append(goodput_of_wrk_rps(waits, options.hold_s))
    worked, alone_rps = [], [bare_rps(cores)]
    for seed in range(1, options.runs + 1):
        worked.append(goodput_rps(works, options.hold_s, seed))
        alone_rps.append(bare_rps(cores))
    print(f"{'':32}{'reached':>9}{'ceiling':>9}{'ratio':>8}{'wrk':>9}")
    answers = [
        answer(way, way.places / T_S, waits.within, middle(waited, way), middle(by_wrk, way)) for way in waits.ways
    ]
    answers += [
        answer(way, statistics.median(alone_rps), works.within, middle(worked, way), math.nan) for way in works.ways
    ]
    print(f"{shown(max(answers))}: waits within 5 %, processes within 15 % of their ceilings")
    return EXIT_STATUS[max(answers)]


def waiting() -> Kind:
    """Four ways to wait for T."""
    ways = (
        Way("await asyncio.sleep, N/T", f"/wait/async?seconds={T_S}", USERS),
        Way("def, 40/T", f"/wait/def?seconds={T_S}", 40),
        Way("asyncio.to_thread, P/T", f"/wait/to-thread?seconds={T_S}", min(32, (os.cpu_count() or 1) + 4)),
        Way("time.sleep in async def, 1/T", f"/wait/blocking?seconds={T_S}", 1),
    )
    return Kind(module="wait", target="", users=USERS, within=0.05, ways=ways)


def working(cores: int) -> Kind:
    """Three ways to compute in as many processes as there are cores."""
    ways = (
        Way("process pool, cores/C", f"/cpu/process-pool?numbers={NUMBERS}", cores),
        Way("anyio.to_process, cores/C", f"/cpu/to-process?numbers={NUMBERS}", cores),
        Way(f"{cores} workers, cores/C", f"/cpu/inline?numbers={NUMBERS}", cores, workers=cores),
    )
    return Kind(module="cpu", target="pin = false", users=20, within=0.15, ways=ways)


def goodput_rps(kind: Kind, hold_s: float, seed: int) -> dict[str, float]:
    """Run one session of ours and return the good answers per second of each way."""
    text = SCENARIO.format(module=kind.module, root=ROOT, target=kind.target, users=kind.users, hold_s=hold_s)
    text += "".join(VARIANT.format(name=way.name, path=way.path, workers=way.workers) for way in kind.ways)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ceilings.toml").write_text(text, encoding="utf-8")
        line = [sys.executable, "-m", "loopbench", "run", "ceilings.toml", "--seed", str(seed)]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
        summaries = list(folder.glob("results/ceilings/*/summary.json"))
        if not summaries:
            raise SystemExit(f"loopbench run ended with code {done.returncode}:\n{done.stderr}")
        variants = json.loads(summaries[0].read_text(encoding="utf-8"))["variants"]
    return {variant["name"]: variant["goodput_rps"] for variant in variants}


def goodput_of_wrk_rps(kind: Kind, seconds: float) -> dict[str, float]:
    """Return the same from wrk and bare uvicorn; empty without wrk."""
    if shutil.which("wrk") is None:
        return {}
    with serving(BARE_APP, ROOT) as server:
        return {way.name: wrk(server.url + way.path, seconds, kind.users) for way in kind.ways}


def bare_rps(cores: int) -> float:
    """Return the work, in requests per second, of simultaneous bare processes, one per core."""
    with get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(worked_rps, range(cores), chunksize=1))


def worked_rps(core: int) -> float:
    """Return how often the function runs per second on one core."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})
    began_s, done = time.perf_counter(), 0
    while time.perf_counter() - began_s < BARE_S:
        compute(NUMBERS)
        done += 1
    return done / (time.perf_counter() - began_s)


def middle(runs: list[dict[str, float]], way: Way) -> float:
    """Return the median of a way's runs; NaN if a run lacks it."""
    return statistics.median([run.get(way.name, math.nan) for run in runs])


def answer(way: Way, ceiling_rps: float, within: float, found_rps: float, wrk_rps: float) -> Answer:
    """Print a way's line and return its result."""
    ratio = found_rps / ceiling_rps
    if abs(ratio - 1) <= within:
        result = Answer.HELD
    elif ratio < 1 and wrk_rps / ceiling_rps < 1 - within:
        result = Answer.NOT_ASKED
    else:
        result = Answer.FAILED
    control = "" if math.isnan(wrk_rps) else f"{wrk_rps:.1f}"
    print(f"{way.name:<32}{found_rps:>9.1f}{ceiling_rps:>9.1f}{ratio:>8.3f}{control:>9}  {shown(result)}", flush=True)
    return result


def shown(result: Answer) -> str:
    """Return the result as the table shows it."""
    return result.name.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
