"""The cost of the live tab for the generator: the CPU of one request for it, and of the row it adds every second.

Locust's web UI runs without a load, so that nearly all of its CPU time is the tab's. A stand-in for the probe writes a
full record a second (30 blocked and 30 busy lines). In each pair the tab's figures are requested twenty times a second
in one window and not in the other, in an order drawn from the seed. The difference of the process's CPU time
(schedstat, in nanoseconds, all threads) divided by the number of requests is the cost of one. A page sends one request
a second. The row is added in both windows, so it is timed separately, by its thread's CPU clock.

    python -m benchmarks web-tab [--quick] [--pairs N] [--window S] [--seed N]

It prints the CPU of each pair, of a request with its 95 % interval and of a row, and whether one page takes less than
1 % of the generator's core.
"""

import argparse
import json
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.generator_runs import verdict
from tests.opened_ui import OpenedUi, opened_ui

MAX_COST: Final = 0.01
LOOKS_PER_S: Final = 20
ROWS: Final = 300
LINES: Final = 30
SCENARIO: Final = """\
title = "The cost of the tab"
question = "What does a page cost?"
[target]
url = "{url}"
probe_dir = "."
[[variants]]
name = "nothing"
path = "/"
"""
PLACE: Final = {
    "user_file": "/srv/project/app/main.py",
    "user_function": "endpoint",
    "file": "/usr/lib/python3.11/site-packages/package/module.py",
    "line": 10,
    "function": "call",
    "near_file": None,
    "near_line": None,
    "near_function": None,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print everything; return 1 if the cost is above the limit."""
    options = parse_options(arguments)
    if options.rows_in:
        print(time_rows(Path(options.rows_in)))
        return 0
    with (
        tempfile.TemporaryDirectory() as name,
        socket.create_server(("127.0.0.1", 0)) as target,  # accepts connections only
        probe_stand_in(Path(name)),
    ):
        url = f"http://127.0.0.1:{target.getsockname()[1]}"
        row_s = timed_rows(Path(name))
        scenario = Path(name) / "tab.toml"
        scenario.write_text(SCENARIO.format(url=url), encoding="utf-8")
        with opened_ui(scenario, Path(name)) as ui:
            looks_s = measured_pairs(ui, options)
    return report(looks_s, row_s)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; --quick takes half a minute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="6 pairs instead of 30")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--window", type=float, default=2.0, help="seconds per window")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows-in", help=argparse.SUPPRESS)  # this file, as the process that times rows
    options = parser.parse_args(arguments)
    options.pairs = options.pairs or (6 if options.quick else 30)
    return options


@contextmanager
def probe_stand_in(folder: Path) -> Iterator[None]:
    """Write a record a second, as the probe of a busy target does."""
    ended = threading.Event()
    path = folder / f"probe-{os.getpid()}.jsonl"

    def write() -> None:
        number = 0
        while not ended.wait(1.0):
            number += 1
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(full_second(number)) + "\n")

    path.write_text(json.dumps({"record": "start"}) + "\n", encoding="utf-8")
    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()


def full_second(number: int) -> dict[str, Any]:
    """Return a record with the largest number of lines that the probe writes."""
    figures = ("anyio_borrowed_mean", "anyio_total", "anyio_waiting_mean", "executor_queue_mean", "executor_threads")
    lines = [PLACE | {"user_line": line, "samples": 3} for line in range(LINES)]
    return {
        "record": "second",
        "t0_monotonic_s": number - 1.0,
        "t1_monotonic_s": float(number),
        "utilization": 0.9,
        "requests_total": number,
        **dict.fromkeys(figures, 3.25),
        "blocked": [line | {"blocked_s": 0.0123, "cpu_s": 0.0012} for line in lines],
        "busy": [line | {"busy_s": 0.0123} for line in lines],
    }


def timed_rows(folder: Path) -> float:
    """Return the CPU seconds per row, measured in a separate process because importing Locust changes a process."""
    command = [sys.executable, __file__, "--rows-in", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    return float(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)


def time_rows(folder: Path) -> float:
    """Add rows as Locust's process does, with a new record before each; return the CPU seconds per row."""
    from locust.env import Environment  # noqa: PLC0415  patches sockets

    from loopbench.locustfiles.live_figures import LiveFigures  # noqa: PLC0415

    environment = Environment()
    environment.create_local_runner()
    own = folder / "rows"
    own.mkdir()
    figures, path, spent_s = LiveFigures(environment, None, str(own)), own / "probe-1.jsonl", 0.0  # type: ignore[arg-type]
    for number in range(ROWS):
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(full_second(number)) + "\n")
        began_s = time.thread_time()
        figures.tick()
        spent_s += time.thread_time() - began_s
    return spent_s / ROWS


def measured_pairs(ui: OpenedUi, options: argparse.Namespace) -> list[float]:
    """Return the CPU seconds of one request, from each pair."""
    locust = next(child.pid for child in ui.children() if "minder.py" not in " ".join(child.cmdline()))
    draw, looks_s = random.Random(options.seed), []  # noqa: S311  reproducible on purpose
    for number in range(options.pairs):
        spent_s = {}
        for looking in draw.sample([True, False], 2):
            before_s = cpu_s(locust)
            window(ui, options.window, looking=looking)
            spent_s[looking] = cpu_s(locust) - before_s
        looks_s.append((spent_s[True] - spent_s[False]) / looks_in(options.window))
        print(
            f"pair {number + 1:>3}   looked at {1000 * spent_s[True]:>7.1f} ms   "
            f"not looked at {1000 * spent_s[False]:>7.1f} ms",
            flush=True,
        )
    return looks_s


def looks_in(window_s: float) -> int:
    """Return the number of requests in a window."""
    return round(window_s * LOOKS_PER_S)


def window(ui: OpenedUi, length_s: float, *, looking: bool) -> None:
    """Send requests, or none, for so long; on a busy machine, for as long as that number of requests takes."""
    began_s = time.monotonic()
    seen = 0
    for number in range(looks_in(length_s)):
        if looking:
            seen = ui.look(f"/loopbench/live.json?seen={seen}").json["made"]
        time.sleep(max(0.0, began_s + (number + 1) / LOOKS_PER_S - time.monotonic()))


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, from the scheduler."""
    accounts = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(account.read_text().split()[0]) for account in accounts) / 1e9


def report(looks_s: list[float], row_s: float) -> int:
    """Print the cost of a request and a row, and compare the sum with the limit."""
    look_s, half_s = mean_and_half_width(looks_s)
    print(f"a look: {1000 * look_s:.2f} ms of CPU +- {1000 * half_s:.2f}")
    print(f"a row:  {1000 * row_s:.2f} ms of CPU")
    most = look_s + half_s + row_s
    passed = most < MAX_COST
    print(f"{verdict(reached=passed)}: a page that looks once a second takes under {100 * MAX_COST:g} % ", end="")
    print(f"of the generator's core ({100 * (look_s + row_s):.2f} %, at most {100 * most:.2f} %)")
    return 0 if passed else 1


def mean_and_half_width(values: list[float]) -> tuple[float, float]:
    """Return the mean and the half-width of its 95 % interval (Student's t)."""
    from scipy.stats import t  # noqa: PLC0415  half a second, only paid at the end

    spread = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values), float(t.ppf(0.975, len(values) - 1)) * spread


if __name__ == "__main__":
    sys.exit(main())
