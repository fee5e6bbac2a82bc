"""`loopbench watch`: it shows what the events of a session's folder say, and ends with the session or its process."""

import json
import math
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopbench.cli import app
from loopbench.errors import DataError, LoopbenchError
from loopbench.events import EVENTS_FILE, EventLog, SessionLog
from loopbench.live_session import LiveSession
from loopbench.measure.events import (
    Event,
    PhaseBegan,
    RoundFinished,
    RunFinished,
    RunProgressed,
    RunRepeated,
    RunStarted,
    SessionEnded,
    SessionStarted,
    TimeIsUp,
    VariantFailed,
)
from loopbench.plan import make_plan
from loopbench.records import samples
from loopbench.records.failures import VariantFailure
from loopbench.records.frames import encode
from loopbench.records.session import read_run, read_session
from loopbench.scenario import load

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "results" / "example"
SCENARIO = ROOT / "scenarios" / "file_write.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example session's record and the record of its first run."""
    run = read_session(EXAMPLE).plan[0].folder
    (tmp_path / "runs" / run).mkdir(parents=True)
    for name in ("session.json", f"runs/{run}/run.json"):
        shutil.copyfile(EXAMPLE / name, tmp_path / name)
    return tmp_path


def happened(folder: Path) -> list[Event]:
    record = read_session(folder)
    run = record.plan[0]
    return [
        SessionStarted(load(SCENARIO), make_plan(record.scenario, record.seed), folder),
        VariantFailed(VariantFailure("def", "dead", "it died", "")),
        RunStarted(run, "aiofiles"),
        RunRepeated(run, ("M2: busy",)),
        RunStarted(run, "aiofiles"),
        RunFinished(read_run(folder / "runs" / run.folder)),
        RoundFinished(1, enough=False, rounds_needed=None, sentence="wide"),
        TimeIsUp(5.0),
        SessionEnded(folder, 1, 8, None, None),
    ]


def watched(folder: Path) -> str:
    return CliRunner().invoke(app, ["watch", str(folder)], catch_exceptions=False).stdout


def test_what_was_written_is_read_as_the_same_events(folder: Path) -> None:
    log, sent = SessionLog(), happened(folder)
    assert isinstance(sent[0], SessionStarted)
    for event in sent:
        log(event)
    started, *others = LiveSession(folder).new_events()
    assert isinstance(started, SessionStarted)
    assert (started.plan, started.folder) == (sent[0].plan, folder)
    assert others == sent[1:]


def test_watch_prints_the_progress_and_ends_with_the_session(folder: Path) -> None:
    log = SessionLog()
    for event in happened(folder):
        log(event)
    text = watched(folder)
    assert "ramp, aiofiles: INVALID, will be measured again: M2: busy" in text
    assert "after round 1: wide" in text
    assert "measured: 1 of 8 runs are complete" in text


def test_events_come_once_and_a_line_that_is_not_whole_waits(folder: Path) -> None:
    session, log = LiveSession(folder), SessionLog()
    assert list(session.new_events()) == []
    for event in happened(folder)[:1]:
        log(event)
    assert len(list(session.new_events())) == 1
    with (folder / EVENTS_FILE).open("ab") as file:
        file.write(b'{"event": "time_is_up", "time_unix_s": 1.0, ')
        file.flush()
        assert list(session.new_events()) == []
        file.write(b'"needed_s": 2.0}\n')
    assert list(session.new_events()) == [TimeIsUp(2.0)]


def test_the_run_under_way_has_a_phase_and_the_samples_rate(folder: Path) -> None:
    session, log, run = LiveSession(folder), EventLog(folder / EVENTS_FILE), read_session(folder).plan[0]
    attempt = folder / "runs" / f".{run.folder}.attempt-1"
    attempt.mkdir()
    shutil.copyfile(EXAMPLE / "runs" / run.folder / "samples-0.bin", attempt / "samples-0.bin")
    log(RunStarted(run, "aiofiles"))
    log(PhaseBegan(run, "hold", 30))
    started, progress = session.new_events()
    assert isinstance(started, RunStarted)
    assert isinstance(progress, RunProgressed)
    assert (progress.view.phase, progress.view.users) == ("hold", 30)
    assert progress.view.rps > 0


def test_watch_ends_where_no_process_measures(folder: Path) -> None:
    log = EventLog(folder / EVENTS_FILE)
    log(happened(folder)[0])
    assert LiveSession(folder).is_measured()
    log.close()
    assert not LiveSession(folder).is_measured()
    assert "no process measures" in watched(folder)


def test_a_second_name_of_a_file_elsewhere_is_replaced(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_text("mine")
    (folder / EVENTS_FILE).hardlink_to(elsewhere)
    log = SessionLog()
    log(happened(folder)[0])
    assert elsewhere.read_text() == "mine"
    assert (folder / EVENTS_FILE).stat().st_nlink == 1


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"event": "run_started", "time_unix_s": 1, "run": 99, "variant": "x"}',
        '{"event": "run_started", "time_unix_s": 1, "run": [], "variant": "x"}',
        '{"event": "time_is_up", "time_unix_s": 1e300, "needed_s": 1}',
        '{"event": "round_finished", "time_unix_s": 1}',
    ],
)
def test_foreign_lines_are_data_errors(folder: Path, line: str) -> None:
    (folder / EVENTS_FILE).write_text(line + "\n")
    with pytest.raises(DataError):
        list(LiveSession(folder).new_events())


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (samples.EVNT, b"\xff"),
        (samples.EVNT, b"[" * 100_000),
        (samples.EVNT, b'[[1, "phase"]]'),
        (samples.SAMP, b"x"),
        (samples.SAMP, b""),
        (samples.SAMP, samples.STRUCT.pack(math.inf, *[0] * 11)),
    ],
)
def test_foreign_samples_end_watch_with_a_data_error(folder: Path, kind: bytes, payload: bytes) -> None:
    run = read_session(folder).plan[0]
    attempt = folder / "runs" / f".{run.folder}.attempt-1"
    attempt.mkdir()
    (attempt / "samples-0.bin").write_bytes(encode(kind, payload))
    EventLog(folder / EVENTS_FILE)(RunStarted(run, "aiofiles"))
    with pytest.raises(DataError):
        watched(folder)


def test_a_number_that_cannot_be_shown_ends_watch_with_a_data_error(folder: Path) -> None:
    (folder / EVENTS_FILE).write_text('{"event": "time_is_up", "time_unix_s": 1, "needed_s": "inf"}\n')
    with pytest.raises(DataError):
        watched(folder)


def test_events_of_a_newer_loopbench_are_passed_over_and_controls_are_shown(folder: Path) -> None:
    lines = [
        {"event": "new", "time_unix_s": 1},
        {
            "event": "round_finished",
            "time_unix_s": 1,
            "round": 1,
            "enough": True,
            "rounds_needed": 2,
            "sentence": "\x1b[",
        },
    ]
    (folder / EVENTS_FILE).write_text("".join(json.dumps(each) + "\n" for each in lines))
    (event,) = LiveSession(folder).new_events()
    assert event == RoundFinished(1, enough=True, rounds_needed=2, sentence=r"\x1b[")


def test_where_the_folder_takes_no_file_the_session_goes_on(tmp_path: Path) -> None:
    log = SessionLog()
    record = read_session(EXAMPLE)
    started = SessionStarted(load(SCENARIO), make_plan(record.scenario, record.seed), tmp_path / "gone")
    for event in (started, TimeIsUp(1.0), SessionEnded(tmp_path, 0, 0, None, LoopbenchError("x"))):
        log(event)
