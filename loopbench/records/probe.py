"""The few words of the probe's log that the harness itself needs: how many requests the server says it answered.

The log is the probe's own format (`docs/probe.md`); `loopbench.judge.probe_log` reads the rest.
"""

import json
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
