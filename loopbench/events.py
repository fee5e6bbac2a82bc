"""What happens during a session, for another program: one JSON object a line, written as it happens (`--events`)."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure.judging import Standing
from loopbench.measure.observer import Observer
from loopbench.plan import Plan
from loopbench.records.session import PlannedRun, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario

if TYPE_CHECKING:
    from loopbench.measure.session import SessionOutcome

EVENTS_FORMAT: Final = 1


class EventLog:
    """Writes a line for everything an `Observer` is told, and one for how the session ended.

    A reader that goes away, or a disk that is full, is no reason to disturb a measurement: the log then ends.

    Raises:
        EnvironmentRefusedError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            raise EnvironmentRefusedError(
                f"events cannot be written: {problem.strerror}", slug="events", where=str(path)
            ) from None
        self._phase = ""
        self._number = 0

    def waiting(self, sentence: str) -> None:
        """See `Observer`."""
        self._tell("waiting", sentence=sentence)

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        self._tell(
            "session_started",
            format=EVENTS_FORMAT,
            scenario=scenario.name,
            folder=str(folder),
            seed=plan.seed,
            planned_runs=len(plan.runs),
        )

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """See `Observer`."""
        self._phase, self._number = "", run.number
        self._tell("run_started", run=run.number, kind=run.kind, round=run.round, variant=variant_name)

    def run_progressed(self, view: LiveView) -> None:
        """A line when another phase begins."""
        if view.phase != self._phase:
            self._phase = view.phase
            self._tell("phase", run=self._number, phase=view.phase, users=view.users)

    def run_finished(self, record: RunRecord) -> None:
        """See `Observer`."""
        counts = record.counts
        self._tell(
            "run_finished",
            run=record.number,
            attempt=record.attempt,
            wall_s=record.wall_s,
            server=counts.server,
            samples=counts.samples,
            locust=counts.locust,
            unfinished=counts.unfinished,
            counts_agree=counts.agree,
        )

    def run_repeated(self, run: PlannedRun, faults: tuple[str, ...]) -> None:
        """See `Observer`."""
        self._tell("run_repeated", run=run.number, faults=faults)

    def round_finished(self, number: int, standing: Standing) -> None:
        """See `Observer`."""
        self._tell(
            "round_finished",
            round=number,
            enough=standing.enough,
            rounds_needed=standing.rounds_needed,
            sentence=standing.sentence,
        )

    def time_is_up(self, needed_s: float) -> None:
        """See `Observer`."""
        self._tell("time_is_up", needed_s=needed_s)

    def session_ended(self, outcome: "SessionOutcome") -> None:
        """The last line: how far it came, and what ended it before its plan did, if anything did."""
        error = outcome.error
        self._tell(
            "session_ended",
            folder=str(outcome.folder),
            finished_runs=outcome.finished_runs,
            planned_runs=outcome.planned_runs,
            signal=outcome.interrupted_by,
            error=None if error is None else {"slug": error.slug, "what": error.what, "exit_code": error.exit_code},
        )

    def _tell(self, event: str, **facts: Any) -> None:
        if self._descriptor < 0:
            return
        line = {"event": event, "time_monotonic_s": round(time.monotonic(), 3), "time_unix_s": round(time.time(), 3)}
        data = (json.dumps(line | facts) + "\n").encode()
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            written = 0
        if written != len(data):
            os.close(self._descriptor)
            self._descriptor = -1


class Observers:
    """Tells several observers the same, one after the other."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def waiting(self, sentence: str) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.waiting(sentence)

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.session_started(scenario, plan, folder)

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.run_started(run, variant_name)

    def run_progressed(self, view: LiveView) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.run_progressed(view)

    def run_finished(self, record: RunRecord) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.run_finished(record)

    def run_repeated(self, run: PlannedRun, faults: tuple[str, ...]) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.run_repeated(run, faults)

    def round_finished(self, number: int, standing: Standing) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.round_finished(number, standing)

    def time_is_up(self, needed_s: float) -> None:
        """See `Observer`."""
        for each in self._observers:
            each.time_is_up(needed_s)
