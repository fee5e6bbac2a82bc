"""`timeline.json`: a few requests sent at once, and when each of them reached which stage.

A timeline is not a load: each request is sent once, in the given order, on its own connection. Times are seconds after
the first was sent, on the host's monotonic clock, which harness and target share.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import from_json, to_json
from loopbench.records.files import read_file
from loopbench.scenario.model import MAX_TIMELINE_REQUESTS

TIMELINE_FILE: Final = "timeline.json"

MAX_BYTES: Final = 1_000_000  # of a few requests with their names, and what is wrong with their answers


@dataclass(frozen=True)
class TimedRequest:
    """The stages of one request. None: it did not reach the stage, or that could not be observed."""

    label: str  # its name in the scenario
    sent_s: float
    entered_s: float | None  # the app was entered
    answering_s: float | None  # the app began to answer
    received_s: float | None  # the whole answer had arrived
    status: int | None
    problem: str  # what is wrong with the answer; empty if it is good


@dataclass(frozen=True)
class TimelineRecord:
    """One run of one timeline, its requests in sending order."""

    format: int
    name: str
    requests: tuple[TimedRequest, ...]


def write_timeline(folder: Path, name: str, requests: tuple[TimedRequest, ...]) -> None:
    """Write a timeline into a run's folder. Raises OSError if it cannot be written."""
    (folder / TIMELINE_FILE).write_text(to_json(TimelineRecord(FORMAT_VERSION, name, requests)), encoding="utf-8")


def read_timeline(folder: Path) -> TimelineRecord:
    """Return the timeline of a run's folder. Its version needs no check: `run.json`, which is read first, has it.

    Raises:
        DataError: it is damaged, or holds more requests than a scenario may ask: each is compared with every other.
    """
    path = folder / TIMELINE_FILE
    record = from_json(TimelineRecord, read_file(path, MAX_BYTES), str(path))
    if len(record.requests) > MAX_TIMELINE_REQUESTS:
        raise DataError(f"{path} holds {len(record.requests):,} requests, at most {MAX_TIMELINE_REQUESTS} are asked")
    return record
