"""A session that another process measures: its events, read from its folder as they are written."""

import fcntl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.events import EVENTS_FILE
from loopbench.measure import events
from loopbench.measure.events import Event
from loopbench.plan import make_plan
from loopbench.records.codec import foreign_content, parse_json
from loopbench.records.failures import VariantFailure
from loopbench.records.files import open_file
from loopbench.records.session import RUNS_FOLDER, SAMPLES_GLOB, PlannedRun, read_run, read_session
from loopbench.records.tail import LiveView, SampleTails
from loopbench.showable import showable

MAX_READ_BYTES: Final = 1_000_000
"""At one time. No event is that long."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class LiveSession:
    """Follows a session's folder and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / EVENTS_FILE
        self._record = read_session(folder)
        self._planned = {run.number: run for run in self._record.plan}
        self._offset = 0
        self._under_way: dict[int, PlannedRun] = {}
        self._phase = ""
        self._tails: SampleTails | None = None
        self._event_time: datetime | None = None

    def now(self) -> datetime:
        """Returns when the event that was read last happened; later, the time."""
        return self._event_time or datetime.now(UTC)

    def is_measured(self) -> bool:
        """Whether a process can still write events."""
        try:
            with open_file(self._file) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def new_events(self) -> Iterator[Event]:
        """Yield the events since the last call, then the progress of the runs under way."""
        for line in self._new_lines():
            with foreign_content(self._file):
                values = parse_json(line)
                self._event_time = EPOCH + timedelta(seconds=values["time_unix_s"])
                event = self._event(values)
            if event is not None:
                yield event
        self._event_time = None
        if self._under_way:
            yield events.RunProgressed(self._progress())

    def _new_lines(self) -> list[bytes]:
        """Returns the whole lines that were added."""
        try:
            with open_file(self._file) as file:
                file.seek(self._offset)
                added = file.read(MAX_READ_BYTES)
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        if not whole and len(added) == MAX_READ_BYTES:
            raise DataError(f"{self._file} has a line that is too long for an event")
        self._offset += len(whole)
        return whole.splitlines()

    def _event(self, values: dict[str, Any]) -> Event | None:  # noqa: PLR0911  one table
        """Returns an event from its keys, as docs/events.md lists them; None: nothing of it is shown."""
        match values["event"]:
            case "session_started":
                return events.SessionStarted(
                    self._record.scenario, make_plan(self._record.scenario, self._record.seed), self._folder
                )
            case "variant_failed":
                failure = VariantFailure(str(values["variant"]), values["state"], str(values["reason"]), "")
                return events.VariantFailed(failure)
            case "run_started":
                return events.RunStarted(self._begin(values["run"]), str(values["variant"]))
            case "phase":
                self._phase = showable(str(values["phase"]))
                return None
            case "run_repeated":
                return events.RunRepeated(self._end(values["run"]), tuple(map(str, values["faults"])))
            case "run_finished":
                run = self._end(values["run"])
                return events.RunFinished(read_run(self._folder / RUNS_FOLDER / run.folder))
            case "round_finished":
                needed, sentence = values["rounds_needed"], showable(str(values["sentence"]))
                needed = None if needed is None else int(needed)
                return events.RoundFinished(int(values["round"]), bool(values["enough"]), needed, sentence)
            case "time_is_up":
                return events.TimeIsUp(float(values["needed_s"]))
            case "session_ended":
                self._under_way.clear()
                counts = int(values["finished_runs"]), int(values["planned_runs"])
                return events.SessionEnded(self._folder, *counts, values["signal"], None)
            case _:
                return None

    def _begin(self, number: int) -> PlannedRun:
        self._tails, self._phase = None, ""
        self._under_way[number] = self._planned[number]
        return self._planned[number]

    def _end(self, number: int) -> PlannedRun:
        self._tails = None
        self._under_way.pop(number, None)
        return self._planned[number]

    def _progress(self) -> LiveView:
        """Returns what users do now. In turns, each of several targets has all users."""
        if self._tails is None:
            attempts = [
                sorted((self._folder / RUNS_FOLDER).glob(f".{run.folder}.attempt-*"))[-1:]
                for run in self._under_way.values()
            ]
            files = [file for each in attempts for folder in each for file in sorted(folder.glob(SAMPLES_GLOB))]
            neighbour = next(iter(self._record.scenario.neighbours), "")
            alone = files[0].parent if files and len(self._under_way) == 1 else None
            self._tails = SampleTails(files, neighbour if alone else "", alone) if files else None
        view = self._tails.read() if self._tails else LiveView()
        half_width = view.rps_half_width if len(self._under_way) == 1 else None
        users = view.users // len(self._under_way)
        return replace(view, phase=self._phase, users=users, rps_half_width=half_width)
