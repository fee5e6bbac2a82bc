"""A closed loop in simulated time: users one by one, a server with so many places, what Locust would write of it."""

import csv
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

HEADER = [
    *("Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", "50%"),
    *("Total Request Count", "Total Failure Count"),
]


@dataclass(frozen=True)
class Loop:
    """What happened: completion times and users' starts, both sorted, in seconds."""

    completions_s: npt.NDArray[np.float64]
    starts_s: npt.NDArray[np.float64]
    end_s: float


def run_loop(*, users: int, spawn_rate: float, hold_s: float, places: int, service_s: float, begin_s: float) -> Loop:
    """Users without think time before a first-come-first-served server: X = min(N, places) / service_s."""
    starts_s = begin_s + np.arange(users) / spawn_rate
    end_s = float(begin_s + users / spawn_rate + hold_s)
    asking, free_at_s = starts_s.tolist(), [0.0] * places
    heapq.heapify(asking)
    done = []
    while asking[0] < end_s:
        done_s = max(heapq.heappop(asking), heapq.heappop(free_at_s)) + service_s
        heapq.heappush(free_at_s, done_s)
        heapq.heappush(asking, done_s)
        done.append(done_s)
    return Loop(np.array([time_s for time_s in done if time_s < end_s]), starts_s, end_s)


def row_times(begin_s: float, end_s: float, work_s: float = 0.003) -> list[float]:
    """When StatsCSVFileWriter writes: a second's sleep after each row, and its own work."""
    count = int((end_s - begin_s) / (1 + work_s))
    return list(accumulate([1 + work_s] * count, initial=begin_s))


def requests_per_s(loop: Loop, now_s: float) -> float:
    """StatsEntry.current_rps of Locust 2.47: the mean of the whole seconds [last - 12, last - 3]."""
    before_s = loop.completions_s[loop.completions_s <= now_s]
    if not len(before_s):
        return 0.0
    last = int(before_s[-1])
    first = max(last - 12, int(loop.starts_s[0]))
    counts = [int(np.sum(before_s.astype(int) == second)) for second in range(first, last - 2)]
    return sum(counts) / len(counts) if counts else 0.0


def history_text(rows: Sequence[Sequence[object]], line_end: str = "\r\n") -> str:
    """A history of rows of (stamp, users, Requests/s, requests, failures)."""
    text = StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(HEADER)
    for stamp, users, rps, requests, failures in rows:
        writer.writerow([stamp, users, "", "Aggregated", rps, "0.000000", "N/A", requests, failures])
    return text.getvalue()


def write_history(path: Path, loop: Loop) -> None:
    """The file that Locust would have written during this loop."""
    times_s = row_times(float(loop.starts_s[0]) - 0.005, loop.end_s)
    requests = np.searchsorted(loop.completions_s, times_s, side="right").tolist()
    users = np.searchsorted(loop.starts_s, times_s, side="right").tolist()
    rows = [
        (int(time_s), n, f"{requests_per_s(loop, time_s):2f}", count, 0)
        for time_s, n, count in zip(times_s, users, requests, strict=True)
    ]
    path.write_text(history_text(rows), newline="")
