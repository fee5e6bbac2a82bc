"""The CPU cost of the sensors and the canary, for a target with threads and connections.

The target is a process with 44 threads (an event loop and a full thread pool), the generator one with 2. There are 100
idle connections to the target's port. The sensors' cost is the CPU clock of their thread. The canary is timed as in a
run: from the call to its figure, on the first and the last processor.

    python -m benchmarks.sensor_cost [--quick] [--rows N] [--canaries N]

It prints the sensors' share of one processor (required: at most 0.5 %) and the seconds per canary with the spread of
its figures (required: two canaries, before and after a run, within 0.4 s).
"""

import argparse
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loopbench.measure.canary import measure_canary
from loopbench.measure.machine import available_cores
from loopbench.measure.sensors import Sensors

MAX_SHARE: Final = 0.005
MAX_CANARIES_S: Final = 0.4
INTERVAL_S: Final = 0.25
CONNECTIONS: Final = 100
TARGET: Final = f"""
import socket, threading, time
server = socket.create_server(("127.0.0.1", 0), backlog=500)
for _ in range(43):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print(server.getsockname()[1], flush=True)
kept = [server.accept()[0] for _ in range({CONNECTIONS})]
time.sleep(600)
"""
GENERATOR: Final = f"""
import socket, sys, threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
kept = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range({CONNECTIONS})]
print("connected", flush=True)
time.sleep(600)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both figures; return 1 if either is above its limit."""
    options = parse_options(arguments)
    share = sensors_share(options.rows)
    canaries = [timed_canary() for _ in range(options.canaries)]
    pair_s = 2 * statistics.median(took_s for took_s, _ in canaries)
    spread = statistics.stdev(math.log(figure) for _, figure in canaries)
    print(f"sensors  {100 * share:.3f} % of one processor, {1000 * share:.2f} ms per row")
    print(f"canary   {pair_s:.3f} s for two; its figure {1000 * canaries[0][1]:.2f} ms, spread {100 * spread:.1f} %")
    passed = share <= MAX_SHARE and pair_s <= MAX_CANARIES_S
    print(
        f"{'PASS' if passed else 'FAIL'}: sensors at most {100 * MAX_SHARE:g} % of a processor, "
        f"two canaries within {MAX_CANARIES_S:g} s"
    )
    return 0 if passed else 1


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; --quick takes only seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 rows and 5 canaries instead of 100 and 30")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--canaries", type=int)
    options = parser.parse_args(arguments)
    options.rows = options.rows or (20 if options.quick else 100)
    options.canaries = options.canaries or (5 if options.quick else 30)
    return options


def sensors_share(rows: int) -> float:
    """Return the CPU seconds per row. A run writes one row a second; here rows come faster."""
    with child(TARGET) as target, tempfile.TemporaryDirectory() as folder:
        port = int(read_line(target))
        with child(GENERATOR, str(port)) as generator:
            read_line(generator)
            sensors = Sensors(
                Path(folder) / "sensors.csv",
                target_pids=lambda: (target.pid,),
                generator_pids=lambda: (generator.pid,),
            )
            began_s = time.thread_time()
            for _ in range(rows):
                row = sensors.read()
                assert row.target.threads == 44, row
                time.sleep(INTERVAL_S)
            return (time.thread_time() - began_s) / rows


def timed_canary() -> tuple[float, float]:
    """Run one canary; return the seconds it took and its figure."""
    began_s = time.perf_counter()
    figure = measure_canary(available_cores())
    assert figure is not None, "the canary could not be pinned"
    return time.perf_counter() - began_s, figure


@contextmanager
def child(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python process with readable output until the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    """Return the next line of its output."""
    assert process.stdout is not None
    return process.stdout.readline()


if __name__ == "__main__":
    sys.exit(main())
