"""The few words of the probe's log that the harness itself needs: how many requests the server says it answered.

The log is the probe's own format (`docs/probe.md`); `loopbench.judge.run.probe_log` reads the rest.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

GLOB = "probe-*.jsonl"


def requests_answered(run_folder: Path) -> int | None:
    """Sum of the servers' own counts at their end; None when any process of the target left none."""
    counts = [_final_count(path) for path in sorted(run_folder.glob(GLOB))]
    if not counts or None in counts:
        return None
    return sum(count for count in counts if count is not None)


def serving_pids(run_folder: Path) -> tuple[int, ...]:
    """Processes in which an event loop of the target ran, by the names of their logs."""
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
    """File and number of the lines the loop spent its time on, the longest first; of foreign origin.

    Of a place with none of the user's code on its stack, the line that was near.
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
    """When the first process of the target began to be watched, by the wall clock; None when none was."""
    starts = [record["time_unix_s"] for path in run_folder.glob(GLOB) for record in _whole_records(path)[:1]]
    return min(starts, default=None)


def _own_or_near(place: dict[str, Any]) -> tuple[str | None, int]:
    own = "user" if place["user_file"] is not None else "near"
    return place.get(f"{own}_file"), place.get(f"{own}_line") or 0


def _whole_records(path: Path) -> list[dict[str, Any]]:
    """A killed process may leave a torn last line, which is left out."""
    *lines, _torn = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]
