"""Reads the few parts of the probe's log that the harness needs, such as the server's own count of requests."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.records.codec import parse_json
from loopbench.records.files import read_file

GLOB = "probe-*.jsonl"
SERVED_APP = "loopbench_probe.served:app"
"""The app with the probe around it, as a server other than uvicorn gets it; its environment names the app itself."""


MAX_BYTES: Final = 128_000_000
MAX_RECORDS: Final = 100_000
"""Of one log; a probe writes up to three a second, and a run's load is over in two hours."""


def log_pid(path: Path) -> int:
    """Return the id of the process that wrote a log; 0 if its name holds none."""
    found = re.fullmatch(r"probe-([0-9]{1,9})\.jsonl", path.name)
    return int(found[1]) if found else 0


def requests_answered(run_folder: Path) -> int | None:
    """Return the sum of the final counts of the target's processes; None if any process left no count."""
    counts = [_final_count(path) for path in sorted(run_folder.glob(GLOB))]
    if not counts or None in counts:
        return None
    return sum(count for count in counts if count is not None)


def serving_pids(run_folder: Path) -> tuple[int, ...]:
    """Return the ids of the target's processes with an event loop, from the names of their logs."""
    return tuple(sorted(map(log_pid, run_folder.glob(GLOB))))


def _final_count(path: Path) -> int | None:
    lines, _ = whole_lines(path)
    if not lines:
        return None
    try:
        last = parse_json(lines[-1])
    except ValueError:
        return None
    count = last.get("requests_total") if isinstance(last, dict) and last.get("record") == "end" else None
    return count if isinstance(count, int) else None


def whole_lines(path: Path) -> tuple[list[bytes], bool]:
    """Return the lines of a log, and whether the last one is torn, as a kill leaves it: it is left out.

    Raises:
        DataError: it cannot be read, or is larger than any that a probe writes.
    """
    content = read_file(path, MAX_BYTES)
    if content.count(b"\n") > MAX_RECORDS:
        raise DataError(f"{path} has more than {MAX_RECORDS:,} lines: no probe has written it")
    *lines, rest = content.split(b"\n")
    return lines, bool(rest)


def refusal(run_folder: Path) -> str:
    """Return why a call could not run in another concurrency style; empty if none was refused."""
    records = (record for path in run_folder.glob(GLOB) for record in _whole_records(path))
    return next((str(each["because"]) for each in records if each.get("record") == "moves" and each["because"]), "")


def lines_by_time(run_folder: Path) -> tuple[tuple[str, int], ...]:
    """Return the lines where the loop, threads or tasks were, as untrusted (file, number), the longest time first.

    A place without the user's code on its stack counts for the nearby line.
    """
    seconds: defaultdict[tuple[str, int], float] = defaultdict(float)
    for path in run_folder.glob(GLOB):
        for record in _whole_records(path):
            for place, seconds_there in _places(record):
                file, line = _own_or_near(place)
                if file is not None:
                    seconds[file, line] += seconds_there
    return tuple(sorted(seconds, key=lambda place: -seconds[place]))


def _places(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield each place of a record with its seconds, or the mean number of tasks and threads in that second."""
    for kind, unit in (("blocked", "blocked_s"), ("busy", "busy_s")):
        yield from ((place, place[unit]) for place in record.get(kind, ()))
    for part in ("tasks", "threads") if record.get("record") == "waits" else ():
        yield from ((place, place["mean"]) for place in record[part].get("places", ()))


def started_unix_s(run_folder: Path) -> float | None:
    """Return the wall-clock time at which the first probe of the target started; None if there was none."""
    starts = [record["time_unix_s"] for path in run_folder.glob(GLOB) for record in _whole_records(path)[:1]]
    return min(starts, default=None)


def _own_or_near(place: dict[str, Any]) -> tuple[str | None, int]:
    own = "user" if place["user_file"] is not None else "near"
    return place.get(f"{own}_file"), place.get(f"{own}_line") or 0


def _whole_records(path: Path) -> list[dict[str, Any]]:
    """Return the whole records; the last line of a killed process may be torn and is left out."""
    return [parse_json(line) for line in whole_lines(path)[0]]
