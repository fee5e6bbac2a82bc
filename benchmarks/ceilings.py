"""Do real pools reach the ceilings that arithmetic gives them?

    python -m benchmarks ceilings [--hold-s 8] [--runs 3]

A wait of T = 50 ms with 100 users who ask again at once: N/T where it is awaited, 40/T in anyio's limiter, P/T with
P = min(32, cpus + 4) in asyncio's own executor, 1/T when the loop itself sleeps; wanted: within 5 %. Work of C seconds
in processes, 20 users: cores/C, where C is what the same function takes in bare processes, one on each core, all at
work (two cores of a virtual machine are rarely twice one); wanted: within 15 %. Every run is a whole `loopbench run` of
its own, the bare work is done before and after each; the medians count.

2,000 requests a second are more than the event loop of a slow machine can answer, and a thread that wakes late for want
of a CPU has slept longer than T. So wrk asks bare uvicorn for the same waits in between. Where wrk falls short of a
ceiling by more than 5 % as well, the line is NOT ASKED of this machine: no success (exit status 2), and no failure of
ours (1). Without wrk, what does not hold has failed.
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
from target_app.cpu import compute

ROOT: Final = Path(__file__).resolve().parents[1]
T_S: Final = 0.05
USERS: Final = 100
NUMBERS: Final = 3_000_000
"""Squares a request: some 150 ms, so that handing it over counts for little. At 50 ms anyio.to_process reached 0.85 of
its ceiling where the standard pool, which keeps one request ready in advance, reached 0.93."""
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
    """One way to do the work, and how many requests it can hold at once."""

    name: str
    path: str
    places: int
    workers: int = 1


class Kind(NamedTuple):
    """Ways that are asked in one session."""

    module: str  # of the target app
    target: str  # further keys of the scenario's [target]
    users: int
    within: float  # how near its ceiling each must come
    ways: tuple[Way, ...]


class Answer(IntEnum):
    """Of one line and of all together, where the worst counts."""

    HELD = 0
    NOT_ASKED = 1
    FAILED = 2


EXIT_STATUS: Final = {Answer.HELD: 0, Answer.NOT_ASKED: 2, Answer.FAILED: 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a ceiling does not hold, 2 if one cannot be asked of this machine."""
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
    """One session of ours: good answers a second of each way."""
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
    """The same of uvicorn with nothing of ours around it, as far as there is a wrk to ask."""
    if shutil.which("wrk") is None:
        return {}
    with serving(BARE_APP, ROOT) as server:
        return {way.name: wrk(server.url + way.path, seconds, kind.users) for way in kind.ways}


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


def middle(runs: list[dict[str, float]], way: Way) -> float:
    """The median of a way's runs; NaN where one of them does not have it."""
    return statistics.median([run.get(way.name, math.nan) for run in runs])


def answer(way: Way, ceiling_rps: float, within: float, found_rps: float, wrk_rps: float) -> Answer:
    """Whether it is as near as wanted; prints its line."""
    ratio = found_rps / ceiling_rps
    if abs(ratio - 1) <= within:
        said = Answer.HELD
    elif ratio < 1 and wrk_rps / ceiling_rps < 1 - within:
        said = Answer.NOT_ASKED
    else:
        said = Answer.FAILED
    control = "" if math.isnan(wrk_rps) else f"{wrk_rps:.1f}"
    print(f"{way.name:<32}{found_rps:>9.1f}{ceiling_rps:>9.1f}{ratio:>8.3f}{control:>9}  {shown(said)}", flush=True)
    return said


def shown(said: Answer) -> str:
    """As the table says it."""
    return said.name.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
