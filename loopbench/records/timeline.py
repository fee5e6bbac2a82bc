"""`timeline.json`: a handful of requests sent at once, and when each of them got how far.

A timeline is no load: every request is asked once, in the given order, on a connection of its own. Times are seconds
after the first was sent, on the host's monotonic clock, which harness and target share.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import from_json, to_json

TIMELINE_FILE: Final = "timeline.json"


@dataclass(frozen=True)
class TimedRequest:
    """One request's way. None: it never came so far, or that could not be observed."""

    label: str  # as the scenario calls it
    sent_s: float
    entered_s: float | None  # the app began with it
    answering_s: float | None  # the app began to answer
    received_s: float | None  # the answer was here, whole
    status: int | None
    problem: str  # what is wrong with the answer; empty if nothing is


@dataclass(frozen=True)
class TimelineRecord:
    """One run of one timeline, its requests in the order they were sent."""

    format: int
    name: str
    requests: tuple[TimedRequest, ...]


def write_timeline(folder: Path, name: str, requests: tuple[TimedRequest, ...]) -> None:
    """Lay it into a run's folder.

    Raises:
        OSError: it cannot be written.
    """
    (folder / TIMELINE_FILE).write_text(to_json(TimelineRecord(FORMAT_VERSION, name, requests)), encoding="utf-8")


def read_timeline(folder: Path) -> TimelineRecord:
    """What lies in a run's folder. Its `run.json`, which is read first, has refused foreign versions already.

    Raises:
        DataError: it is not there, or damaged.
    """
    path = folder / TIMELINE_FILE
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None
    return from_json(TimelineRecord, text, str(path))
