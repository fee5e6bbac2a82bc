"""Reads the few parts of the probe's log that the harness needs, such as the server's own count of requests.

`docs/probe.md` describes the log; `loopbench.judge.run.probe_log` reads the rest.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

GLOB = "probe-*.jsonl"


def requests_answered(run_folder: Path) -> int | None:
    """Return the sum of the final counts of the target's processes; None if any process left no count."""
    counts = [_final_count(path) for path in sorted(run_folder.glob(GLOB))]
    if not counts or None in counts:
        return None
    return sum(count for count in counts if count is not None)


def serving_pids(run_folder: Path) -> tuple[int, ...]:
    """Return the ids of the target's processes with an event loop, from the names of their logs."""
    return tuple(sorted(int(path.stem.removeprefix("probe-")) for path in run_folder.glob(GLOB)))


def _final_count(path: Path) -> int | None:
    lines = path.read_bytes().splitlines()
    if not lines:
        return None
    try:
        last: dict[str, Any] = json.loads(lines[-1])
    except ValueError:
        return None
    count = last.get("requests_total") if last.get("record") == "end" else None
    return count if isinstance(count, int) else None


def lines_by_time(run_folder: Path) -> tuple[tuple[str, int], ...]:
    """Return the lines on which the loop spent its time, as untrusted (file, number), the longest time first.

    A place without the user's code on its stack counts for the nearby line.
    """
    seconds: Counter[tuple[str, int]] = Counter()
    for path in run_folder.glob(GLOB):
        for record in _whole_records(path):
            for kind, unit in (("blocked", "blocked_s"), ("busy", "busy_s")):
                for place in record.get(kind, ()):
                    file, line = _own_or_near(place)
                    if file is not None:
                        seconds[file, line] += place[unit]
    return tuple(place for place, _ in seconds.most_common())


def started_unix_s(run_folder: Path) -> float | None:
    """Return the wall-clock time at which the first probe of the target started; None if there was none."""
    starts = [record["time_unix_s"] for path in run_folder.glob(GLOB) for record in _whole_records(path)[:1]]
    return min(starts, default=None)


def _own_or_near(place: dict[str, Any]) -> tuple[str | None, int]:
    own = "user" if place["user_file"] is not None else "near"
    return place.get(f"{own}_file"), place.get(f"{own}_line") or 0


def _whole_records(path: Path) -> list[dict[str, Any]]:
    """Return the whole records; the last line of a killed process may be torn and is left out."""
    *lines, _torn = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]
