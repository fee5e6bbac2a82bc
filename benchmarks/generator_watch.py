"""The cost of the generator's self-watch (required: under 0.3 %).

A busy greenlet shares the loop with a heartbeat 50 times as fast as the real one, in alternating pairs with and without
it. The loss divided by the speed-up is the cost of the real heartbeat.

    python -m benchmarks.generator_watch [--pairs N]
"""

# mypy: allow-untyped-calls
import argparse
import sys
import time
from collections.abc import Sequence

import gevent

from benchmarks.generator_runs import paired_ratio, verdict
from loopbench.judge.figures import percent
from loopbench.locustfiles import self_watch
from loopbench.locustfiles.self_watch import SelfWatch
from loopbench.records.generator_watch import encode_seconds

MAX_COST = 0.003
QUICKER = 50
CPU_S = 1.0
TAKES = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both costs; return 1 if they exceed the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    pairs = parser.parse_args(arguments).pairs
    beats_a_second = 1 / self_watch.BEAT_S
    self_watch.BEAT_S = self_watch.BEAT_S / QUICKER
    beats: list[float] = []
    turns = [(turns_per_cpu_s(beats), turns_per_cpu_s(None)) for _ in range(pairs)]
    ratio, low, high = paired_ratio([(without, with_beats) for with_beats, without in turns])
    really = beats_a_second / (sum(beats) / len(beats))
    cost = (ratio - 1) * really
    row_s = seconds_of_a_row()
    ends = f"[{percent((low - 1) * really, '.3f')}, {percent((high - 1) * really, '.3f')}]"
    print(f"heartbeats: {percent(cost, '.3f')} of the generator {ends}")
    print(f"one row per second: {row_s * 1e6:.0f} us, {percent(row_s, '.4f')}")
    is_cheap = cost + row_s <= MAX_COST
    print(f"{verdict(reached=is_cheap)} under {percent(MAX_COST, '.1f')} together")
    return 0 if is_cheap else 1


def turns_per_cpu_s(beats: list[float] | None) -> float:
    """Return the busy greenlet's turns per second of CPU time; with a list, while the heartbeat runs."""
    watch = SelfWatch(time.perf_counter())
    beating = None if beats is None else watch.start()
    turns, start_s = 0, time.process_time()
    while (used_s := time.process_time() - start_s) < CPU_S:
        for _ in range(20):
            gevent.sleep(0)
            sum(range(500))
        turns += 20
    if beats is not None:
        beats.append(len(watch.take().lags_us) / used_s)
        gevent.kill(beating)
    return turns / used_s


def seconds_of_a_row() -> float:
    """Return the CPU seconds to create and encode one row with 50 beats."""
    watch = SelfWatch(time.perf_counter(), lambda: 1)
    start_s = time.process_time()
    for _ in range(TAKES):
        for _ in range(50):
            watch.beat(time.perf_counter())
        encode_seconds([watch.take()])
    return (time.process_time() - start_s) / TAKES


if __name__ == "__main__":
    sys.exit(main())
