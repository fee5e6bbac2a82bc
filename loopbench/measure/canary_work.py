"""A fixed piece of work and how long it takes: what `canary` runs on a processor of its own.

    python -I -S canary_work.py CPU PIECES

Standard library alone, one thread, no input or output inside the timing. Prints the median duration of the pieces in
seconds, and which part of its time it waited for the processor (nan where the kernel does not say). With CPU -1 it
stays where the scheduler puts it.
"""

import os
import statistics
import sys
import time

STEPS = 20_000
TABLE_BYTES = 1 << 20
STRIDE = 4_099  # a prime above the page size: every step is on another page, so caches and page tables take part


def main(arguments: list[str]) -> int:
    """Print the median of the pieces."""
    cpu, pieces = map(int, arguments)
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})
    table = bytearray(TABLE_BYTES)
    piece(table)  # the first one finds cold caches, and a processor that may still sleep
    began, waited_s = time.perf_counter(), run_queue_delay_s()
    median_s = statistics.median([timed(table) for _ in range(pieces)])
    waited_s = run_queue_delay_s() - waited_s
    print(median_s, waited_s / (time.perf_counter() - began))  # noqa: T201  its result
    return 0


def run_queue_delay_s() -> float:
    """Returns the delay of this process's only thread since its start; NaN: the kernel does not report it."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:  # noqa: PTH123  pathlib takes longer to load than this
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return float("nan")


def timed(table: bytearray) -> float:
    """Seconds one piece takes. Elapsed, not CPU time: a processor taken away is what it is there to notice."""
    began = time.perf_counter()
    piece(table)
    return time.perf_counter() - began


def piece(table: bytearray) -> int:
    """Arithmetic as the interpreter does it, and one byte read and written at every step."""
    at, value = 0, 1
    for _ in range(STEPS):
        value = (value * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        table[at] = (table[at] + value) & 0xFF
        at = (at + STRIDE) & (TABLE_BYTES - 1)
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
