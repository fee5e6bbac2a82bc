"""What the probe saw in each process of the target, as tables. A value that was not measured is missing, never zero."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import pandas as pd

from loopbench.judge.run.probe_records import (
    LINE_COLUMNS,
    LINE_TIMES,
    POOL_COLUMNS,
    QUEUE_COLUMNS,
    ROUTE_COLUMNS,
    SAMPLED,
    SECOND_COLUMNS,
    TASK_COLUMNS,
    WAIT_COLUMNS,
    ProcessLog,
    read_process,
)
from loopbench.records.probe import GLOB


@dataclass(frozen=True)
class ProbeLogs:
    """Every process of one run. Times are on the host's monotonic clock; tables are ordered by pid, then time."""

    processes: tuple[ProcessLog, ...]

    @property
    def requests_total(self) -> int | None:
        """Responses the servers counted, all processes together; None when any of them left no final count."""
        return _sum([process.requests_total for process in self.processes])

    @property
    def requests_last_seen(self) -> int | None:
        """The same from the last thing each process wrote: a lower bound when one was killed."""
        return _sum([process.requests_last_seen for process in self.processes])

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong or missing in these files, a sentence each."""
        return tuple(note for process in self.processes for note in process.notes)

    @cached_property
    def seconds(self) -> pd.DataFrame:
        """One row a process and second: `pid` and SECOND_COLUMNS."""
        return _table(("pid", *SECOND_COLUMNS), ({"pid": pid, **record} for pid, record in self._records("second")))

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Time per line: LINE_COLUMNS. `kind` is blocked (one step beyond the limit) or busy (sampled short steps)."""
        rows = [
            {"pid": pid, **_times(record), "kind": kind, **line, **_calls(line), "seconds": line[seconds]}
            for pid, record in self._records("second")
            for kind, seconds in LINE_TIMES.items()
            for line in record[kind]
        ]
        return _table(LINE_COLUMNS, rows)

    @cached_property
    def routes(self) -> pd.DataFrame:
        """Explain level: ROUTE_COLUMNS, summed over the requests of each second; empty at the watch level."""
        return _table(ROUTE_COLUMNS, self._rows("explain", "routes"))

    @cached_property
    def queues(self) -> pd.DataFrame:
        """Explain level: QUEUE_COLUMNS, summed over the jobs of each second; empty at the watch level."""
        return _table(QUEUE_COLUMNS, self._rows("explain", "queues"))

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Where tasks were suspended and threads at work: WAIT_COLUMNS; `mean` is their mean number in that second."""
        rows = ({**row, **_calls(row)} for part in SAMPLED for row in self._rows("waits", part, "places"))
        return _table(WAIT_COLUMNS, rows)

    @cached_property
    def pools(self) -> pd.DataFrame:
        """Every pool of threads that was found by its threads, means of a second: POOL_COLUMNS."""
        return _table(POOL_COLUMNS, self._rows("waits", "threads", "pools"))

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """Tasks by what they serve, means of a second: TASK_COLUMNS. A second without a sample has no row."""
        waits = ((pid, record) for pid, record in self._records("waits") if record["tasks"])
        rows = ({"pid": pid, **_times(record), **record["tasks"]["counts"]} for pid, record in waits)
        return _table(TASK_COLUMNS, rows)

    def _rows(self, kind: str, *parts: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list inside each record of a kind, with the record's process and times."""
        for pid, record in self._records(kind):
            rows: Any = reduce(lambda found, part: found.get(part, ()), parts, record)
            yield from ({"pid": pid, **_times(record), **row} for row in rows)

    def _records(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for process in self.processes:
            yield from ((process.start.pid, record) for record in process.records if record["record"] == kind)


def read_probe_logs(folder: Path) -> ProbeLogs:
    """Every `probe-<pid>.jsonl` in a run's folder; no processes when the probe did not run.

    Raises:
        DataError: a file is damaged before its last line, has no start, or is of another format version.
    """
    return ProbeLogs(tuple(read_process(path) for path in sorted(folder.glob(GLOB))))


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns)).convert_dtypes(dtype_backend="numpy_nullable")


def _times(record: dict[str, Any]) -> dict[str, float]:
    return {name: record[name] for name in ("t0_monotonic_s", "t1_monotonic_s")}


def _calls(place: dict[str, Any]) -> dict[str, str]:
    """Return the calls as one text, which a table can group by; probes before they were added left them out."""
    return {"calls": "\n".join(str(each) for each in place.get("calls", ()))}


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None
