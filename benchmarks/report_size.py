"""The time and memory of `loopbench report`, for an ordinary session and for one of ten million samples.

    python -m benchmarks report [--quick] [--tries 3] [--keep DIR]

An ordinary session, the repository's example, takes at most 3 s, and at most 4 times as long as importing numpy, scipy,
pandas and matplotlib alone does; both are measured in alternation. Ten million samples take at most 8 s and 1 GB.

The large session is the example with every request cut into many short ones. Users, phases, probe and sensors stay the
same, and Little's law still holds, so that every rule and chart does its full work.
"""

import argparse
import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from loopbench.judge.run.samples import DTYPE, Samples, read_samples
from loopbench.records import codec, frames, samples
from loopbench.records.generator_watch import decode_seconds, encode_seconds
from loopbench.records.load_spec import LoadSpec
from loopbench.records.own_ceiling import CEILING_FILE, read_own_ceiling
from loopbench.records.session import (
    LOAD_FILE,
    RUN_FILE,
    RUNS_FOLDER,
    SESSION_FILE,
    Counts,
    file_facts,
    read_run,
    run_folders,
    samples_file,
)

ROOT: Final = Path(__file__).resolve().parents[1]
EXAMPLE: Final = ROOT / "results" / "example"
SAMPLES: Final = 10_000_000
SAMPLES_QUICK: Final = 1_000_000
LIMIT_S: Final = 8.0
LIMIT_BYTES: Final = 1_000_000_000
ORDINARY_LIMIT_S: Final = 3.0
ORDINARY_LIMIT_RATIO: Final = 4.0
IMPORTS: Final = "import jinja2, matplotlib.figure, numpy, pandas, pydantic, scipy.optimize, scipy.special"
BLOCK_ROWS: Final = 100_000
"""Samples per frame; the recorder writes at least once a second."""
FINE_EXITS: Final = (0, 3)
"""Exit codes of a written report; 3 means that the stamp is INVALID."""


class Cost(NamedTuple):
    """The cost of one report."""

    wall_s: float
    cpu_s: float
    peak_bytes: int  # resident memory
    exit_code: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a limit was exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{SAMPLES_QUICK:,} samples")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="create the session here and keep it")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        example = shutil.copytree(EXAMPLE, Path(name) / "example")
        pairs = [(report(example), cost_of(sys.executable, "-c", IMPORTS)) for _ in range(wanted.tries)]
        session = wanted.keep or Path(name) / "session"
        made = make_session(session, SAMPLES_QUICK if wanted.quick else SAMPLES)
        size_bytes = sum(path.stat().st_size for path in session.rglob("samples-*.bin"))
        print(f"{made:,} samples in {len(list(run_folders(session)))} runs, {size_bytes / 1e6:,.0f} MB", flush=True)
        costs = [report(session) for _ in range(wanted.tries)]
    print("| what | wall s | CPU s | peak MB | exit |\n|---|--:|--:|--:|--:|")
    named = [("ordinary", one) for one, _ in pairs] + [("imports", two) for _, two in pairs]
    for what, cost in [*named, *((f"{made:,} samples", cost) for cost in costs)]:
        print(f"| {what} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.peak_bytes / 1e6:,.0f} | {cost.exit_code} |")
    return max(judge_ordinary(pairs), judge(costs, made))


def judge_ordinary(pairs: list[tuple[Cost, Cost]]) -> int:
    """Print the verdict on the medians of an ordinary report and of its ratio to imports; return the exit code."""
    wall_s = statistics.median(one.wall_s for one, _ in pairs)
    ratio = statistics.median(one.wall_s / two.wall_s for one, two in pairs)
    fine = wall_s < ORDINARY_LIMIT_S and ratio < ORDINARY_LIMIT_RATIO
    print(
        f"{'PASS' if fine else 'FAIL'}: report of an ordinary session in {wall_s:.1f} s (limit {ORDINARY_LIMIT_S:.0f}) "
        f"and {ratio:.1f} times its imports (limit {ORDINARY_LIMIT_RATIO:.0f})"
    )
    return 0 if fine else 1


def judge(costs: list[Cost], made: int) -> int:
    """Print the verdict on the median time and the largest memory; return the exit code."""
    wall_s, peak_bytes = statistics.median(cost.wall_s for cost in costs), max(cost.peak_bytes for cost in costs)
    fine = wall_s < LIMIT_S and peak_bytes < LIMIT_BYTES and all(cost.exit_code in FINE_EXITS for cost in costs)
    print(
        f"{'PASS' if fine else 'FAIL'}: report of {made:,} samples in {wall_s:.1f} s (limit {LIMIT_S:.0f}) and "
        f"{peak_bytes / 1e6:,.0f} MB (limit {LIMIT_BYTES / 1e6:,.0f})"
    )
    return 0 if fine else 1


def report(session: Path) -> Cost:
    """Run one `loopbench report` in a separate process."""
    return cost_of(sys.executable, "-m", "loopbench", "report", str(session))


def cost_of(*command: str) -> Cost:
    """Run a command and return its cost."""
    began = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, child.returncode)


def make_session(folder: Path, wanted: int) -> int:
    """Create a session of about so many samples and return the exact number."""
    (folder / RUNS_FOLDER).mkdir(parents=True)
    shutil.copy(EXAMPLE / SESSION_FILE, folder)
    runs = list(run_folders(EXAMPLE))
    times = max(1, wanted // sum(read_run(run).counts.samples or 0 for run in runs))
    ceiling = read_own_ceiling(EXAMPLE)
    if ceiling is not None:
        faster = dataclasses.replace(ceiling, rps=ceiling.rps * times)
        (folder / CEILING_FILE).write_text(codec.to_json(faster), encoding="utf-8")
    return sum(_make_run(run, folder / RUNS_FOLDER / run.name, times) for run in runs)


def _make_run(source: Path, folder: Path, times: int) -> int:
    shutil.copytree(source, folder)
    spec = codec.from_json(LoadSpec, (source / LOAD_FILE).read_bytes(), str(source))
    low_s, high_s = spec.load.think_time_s
    load = spec.load.model_copy(update={"think_time_s": (low_s / times, high_s / times)})
    faster = spec.model_copy(update={"load": load})
    (folder / LOAD_FILE).write_text(codec.to_json(faster), encoding="utf-8")
    found = read_samples(source)
    rows = _cut(found, (low_s + high_s) / 2, times)
    file = folder / samples_file(0)
    file.write_bytes(b"".join(_frames(file.read_bytes(), rows)))
    record = read_run(source)
    counted = int(np.count_nonzero(rows["flags"] & samples.FLAG_UNFINISHED == 0))
    counts = Counts(counted, counted, counted, len(rows) - counted)
    record = dataclasses.replace(record, counts=counts, files=file_facts(folder))
    (folder / RUN_FILE).write_text(codec.to_json(record), encoding="utf-8")
    return len(rows)


def _cut(found: Samples, think_time_s: float, times: int) -> np.ndarray:
    """Split each request and its think time into `times` cycles of the same total length."""
    rows = np.repeat(found.rows, times)
    part = np.tile(np.arange(times), len(found.rows))
    cycle_s = (rows["latency_s"].astype(np.float64) + think_time_s) / times
    rows["start_s"] += part * cycle_s
    rows["latency_s"] /= times
    rows["flags"][part > 0] &= np.uint16(~samples.FLAG_NEW_CONNECTION & 0xFFFF)
    return rows[np.argsort(rows["start_s"] + rows["latency_s"], kind="stable")].astype(DTYPE, copy=False)


def _frames(original: bytes, rows: np.ndarray) -> Iterator[bytes]:
    """Yield the file's frames as the recorder would have written them, with the new samples."""
    for frame in frames.decode(BytesIO(original)):
        if isinstance(frame, frames.Torn) or frame.kind in {samples.SAMP, samples.TRLR}:
            continue
        if frame.kind == samples.WTCH:
            calmer = [each._replace(lags_us=(0,) * len(each.lags_us)) for each in decode_seconds(bytes(frame.payload))]
            yield frames.encode(frame.kind, encode_seconds(calmer))  # with such short answers, any lag would be INVALID
        else:
            yield frames.encode(frame.kind, frame.payload)
    for start in range(0, len(rows), BLOCK_ROWS):
        yield frames.encode(samples.SAMP, rows[start : start + BLOCK_ROWS].tobytes())
    yield frames.encode(samples.TRLR, samples.to_json(samples.Trailer(len(rows), len(rows))))


if __name__ == "__main__":
    sys.exit(main())
