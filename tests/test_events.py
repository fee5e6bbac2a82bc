"""The event log: what a program is told, and that it never disturbs a measurement."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import EnvironmentRefusedError, TargetError
from loopbench.events import EventLog, Observers
from loopbench.measure.judging import Standing
from loopbench.measure.session import SessionOutcome
from loopbench.records.session import PlannedRun
from loopbench.records.tail import LiveView

RUN = PlannedRun(number=3, kind="plateau", round=2, variant="def", seed=1, expected_s=10.0)


def told(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_line_is_written_at_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    log = EventLog(file)
    log.run_started(RUN, "plain <def>")
    (event,) = told(file)
    assert event.pop("time_unix_s") > event.pop("time_monotonic_s") > 0
    assert event == {"event": "run_started", "run": 3, "kind": "plateau", "round": 2, "variant": "plain <def>"}


def test_a_phase_is_told_once_however_often_it_is_looked_at(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.run_started(RUN, "def")
    for phase in ("warmup", "warmup", "hold", "hold"):
        log.run_progressed(LiveView(phase=phase, users=5))
    assert [each["phase"] for each in told(tmp_path / "events.jsonl")[1:]] == ["warmup", "hold"]


def test_what_ended_a_session_is_its_last_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    error = TargetError("it died", slug="target-died")
    log.session_ended(SessionOutcome(tmp_path, 3, 8, None, error))
    assert told(tmp_path / "events.jsonl")[-1]["error"] == {"slug": "target-died", "what": "it died", "exit_code": 4}


def test_a_second_session_appends(tmp_path: Path) -> None:
    for _ in range(2):
        EventLog(tmp_path / "events.jsonl").time_is_up(5.0)
    assert len(told(tmp_path / "events.jsonl")) == 2


def test_a_full_disk_ends_the_log_and_nothing_else() -> None:
    log = EventLog(Path("/dev/full"))
    log.time_is_up(5.0)
    log.round_finished(1, Standing(enough=False, rounds_needed=None, sentence=""))


def test_a_reader_that_goes_away_ends_the_log_and_nothing_else(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    log = EventLog(tmp_path / "fifo")
    log.time_is_up(1.0)
    os.close(reader)
    log.time_is_up(2.0)
    log.time_is_up(3.0)


def test_a_file_that_cannot_be_opened_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentRefusedError, match="events cannot be written"):
        EventLog(tmp_path / "no" / "such" / "folder")


def test_several_observers_are_told_the_same(tmp_path: Path) -> None:
    both = Observers([EventLog(tmp_path / "a"), EventLog(tmp_path / "b")])
    both.waiting("for another one")
    both.run_repeated(RUN, ("M2: busy",))
    assert [each["event"] for each in told(tmp_path / "a")] == ["waiting", "run_repeated"]
    assert [each["event"] for each in told(tmp_path / "b")] == ["waiting", "run_repeated"]
