"""The cost of recording a request, and the time to load five million samples.

python -m benchmarks recorder
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from loopbench.judge.run.samples import read_samples
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink

SAMPLES = 5_000_000
RECORD_CALLS = 200_000
ROUNDS = 9
LIMIT_RECORD_US = 1.5
LIMIT_LOAD_S = 1.0


def record(recorder: Recorder, calls: int) -> float:
    """Return the seconds for calls as the load's listener makes them, writing included."""
    name = recorder.name_id("hello")
    began = time.perf_counter()
    for _ in range(calls):
        recorder.record(began, 0.0123, 27, 17, name, 200, 0, 0)
    recorder.flush()
    return time.perf_counter() - began


def empty_loop(calls: int) -> float:
    """Return the seconds of the loop itself."""
    began = time.perf_counter()
    for _ in range(calls):
        pass
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both figures; return 1 if one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorder = Recorder(FileSink(folder / "samples-0.bin"), "benchmark")
        costs_us = [
            (record(recorder, RECORD_CALLS) - empty_loop(RECORD_CALLS)) / RECORD_CALLS * 1e6 for _ in range(ROUNDS)
        ]
        record(recorder, SAMPLES - ROUNDS * RECORD_CALLS)
        recorder.close(SAMPLES)
        loads_s = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            samples = read_samples(folder)
            loads_s.append(time.perf_counter() - began)
            assert len(samples.rows) == SAMPLES
            assert not samples.notes
    cost_us, load_s = statistics.median(costs_us), statistics.median(loads_s)
    print(f"record one request    {cost_us:.2f} us (median of {ROUNDS}, {min(costs_us):.2f} to {max(costs_us):.2f})")
    print(f"load {SAMPLES:,} samples  {load_s:.2f} s (median of {ROUNDS}, {min(loads_s):.2f} to {max(loads_s):.2f})")
    return int(cost_us > LIMIT_RECORD_US or load_s > LIMIT_LOAD_S)


if __name__ == "__main__":
    sys.exit(main())
