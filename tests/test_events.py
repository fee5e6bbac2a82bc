"""The event log: what it writes, and that it never disturbs a measurement."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import EnvironmentRefusedError, TargetError
from loopbench.events import EventLog, to_each
from loopbench.measure.events import (
    Event,
    PhaseBegan,
    RoundFinished,
    RunProgressed,
    RunRepeated,
    RunStarted,
    SessionEnded,
    TimeIsUp,
    VariantFailed,
    Waiting,
)
from loopbench.records.failures import VariantFailure
from loopbench.records.session import PlannedRun
from loopbench.records.tail import LiveView
from loopbench.secrecy import remember

RUN = PlannedRun(number=3, kind="plateau", round=2, variant="def", seed=1, expected_s=10.0)


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_line_is_written_at_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    log = EventLog(file)
    log(RunStarted(RUN, "plain <def>"))
    (event,) = written(file)
    assert event.pop("time_unix_s") > event.pop("time_monotonic_s") > 0
    assert event == {"event": "run_started", "run": 3, "kind": "plateau", "round": 2, "variant": "plain <def>"}


def test_a_phase_is_written_and_progress_inside_it_is_not(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log(RunProgressed(LiveView(phase="hold", users=5)))
    log(PhaseBegan(RUN, "hold", 5))
    log(RunProgressed(LiveView(phase="hold", users=5)))
    (event,) = written(tmp_path / "events.jsonl")
    assert (event["event"], event["run"], event["phase"], event["users"]) == ("phase", 3, "hold", 5)


def test_what_ended_a_session_is_its_last_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    error = TargetError("it died", slug="target-died")
    log(SessionEnded(tmp_path, 3, 8, None, error))
    assert written(tmp_path / "events.jsonl")[-1]["error"] == {"slug": "target-died", "what": "it died", "exit_code": 4}


def test_no_secret_is_in_a_reason(tmp_path: Path) -> None:
    remember(["an-eventful-secret"])
    log = EventLog(tmp_path / "events.jsonl")
    log(VariantFailed(VariantFailure("def", "dead", "it printed an-eventful-secret", "")))
    log(SessionEnded(tmp_path, 3, 8, None, TargetError("it printed an-eventful-secret")))
    assert "eventful" not in (tmp_path / "events.jsonl").read_text()
    assert len(written(tmp_path / "events.jsonl")) == 2


def test_a_second_session_appends(tmp_path: Path) -> None:
    for _ in range(2):
        EventLog(tmp_path / "events.jsonl")(TimeIsUp(5.0))
    assert len(written(tmp_path / "events.jsonl")) == 2


def test_a_full_disk_ends_the_log_and_nothing_else() -> None:
    log = EventLog(Path("/dev/full"))
    log(TimeIsUp(5.0))
    log(RoundFinished(1, enough=False, rounds_needed=None, sentence=""))


def test_a_reader_that_goes_away_ends_the_log_and_nothing_else(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    log = EventLog(tmp_path / "fifo")
    log(TimeIsUp(1.0))
    os.close(reader)
    log(TimeIsUp(2.0))
    log(TimeIsUp(3.0))


def test_a_file_that_cannot_be_opened_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="events cannot be written"):
        EventLog(tmp_path / "no" / "such" / "folder")


def test_every_receiver_gets_every_event_in_order() -> None:
    received: list[tuple[str, Event]] = []
    notify = to_each(lambda event: received.append(("a", event)), lambda event: received.append(("b", event)))
    waiting, repeated = Waiting("for another one"), RunRepeated(RUN, ("M2: busy",))
    notify(waiting)
    notify(repeated)
    assert received == [("a", waiting), ("b", waiting), ("a", repeated), ("b", repeated)]
