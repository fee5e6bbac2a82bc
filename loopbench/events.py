"""Events of a session for another program: one JSON object a line, written as it happens.

`--events` names a file for them. `events.jsonl` in the session's folder has them from its start on.
"""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, Final, assert_never

from loopbench.errors import EnvironmentRefusedError
from loopbench.measure import events
from loopbench.measure.events import Event, Notify
from loopbench.records.session import RunRecord
from loopbench.secrecy import hidden

EVENTS_FORMAT: Final = 1
EVENTS_FILE: Final = "events.jsonl"


class EventLog:
    """Appends a line for every event; RunProgressed, which comes ten times a second, is left out.

    If the reader goes away or the disk is full, the log ends and the measurement continues. The file is locked while
    this process may write into it, however the process ends.

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
        with contextlib.suppress(OSError):  # a second session appends to the same file, or it cannot be locked
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __call__(self, event: Event) -> None:
        """Write one event."""
        described = _described(event)
        if self._descriptor < 0 or described is None:
            return
        name, facts = described
        times = {"time_monotonic_s": round(time.monotonic(), 3), "time_unix_s": round(time.time(), 3)}
        data = (json.dumps({"event": name} | times | facts) + "\n").encode()
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            written = 0
        if written != len(data):
            self.close()

    def close(self) -> None:
        """End the log; later events are not written."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class SessionLog:
    """Writes the events of a session into its folder; where that is not possible, there is no log."""

    def __init__(self) -> None:
        self._log: EventLog | None = None

    def __call__(self, event: Event) -> None:
        """Write one event; those before the session's start have no folder yet."""
        if isinstance(event, events.SessionStarted):
            file = event.folder / EVENTS_FILE
            with contextlib.suppress(EnvironmentRefusedError, OSError):
                file.unlink(missing_ok=True)  # of a session that is resumed; a second name would lead elsewhere
                self._log = EventLog(file)
        if self._log is not None:
            self._log(event)
            if isinstance(event, events.SessionEnded):
                self._log.close()


def to_each(*receivers: Notify) -> Notify:
    """One function that passes every event to all receivers, in this order."""

    def notify(event: Event) -> None:
        for receive in receivers:
            receive(event)

    return notify


def _described(event: Event) -> tuple[str, dict[str, Any]] | None:  # noqa: C901, PLR0911  one table
    """The event's name and its keys, as docs/events.md lists them; None: it is not logged."""
    match event:
        case events.Waiting(sentence):
            return "waiting", {"sentence": sentence}
        case events.SessionStarted(scenario, plan, folder):
            facts = {"format": EVENTS_FORMAT, "scenario": scenario.name, "folder": str(folder)}
            return "session_started", facts | {"seed": plan.seed, "planned_runs": len(plan.runs)}
        case events.VariantFailed(failure):
            return "variant_failed", {
                "variant": failure.variant,
                "state": failure.state,
                "reason": hidden(failure.reason),
            }
        case events.RunStarted(run, variant):
            return "run_started", {"run": run.number, "kind": run.kind, "round": run.round, "variant": variant}
        case events.PhaseBegan(run, phase, users):
            return "phase", {"run": run.number, "phase": phase, "users": users}
        case events.RunRepeated(run, faults):
            return "run_repeated", {"run": run.number, "faults": faults}
        case events.RunFinished(record):
            return "run_finished", _finished(record)
        case events.RoundFinished(number, enough, needed, sentence):
            facts = {"round": number, "enough": enough, "rounds_needed": needed, "sentence": sentence}
            return "round_finished", facts
        case events.TimeIsUp(needed_s):
            return "time_is_up", {"needed_s": needed_s}
        case events.SessionEnded():
            return "session_ended", _ended(event)
        case events.RunProgressed():
            return None
        case _:
            assert_never(event)


def _finished(record: RunRecord) -> dict[str, Any]:
    counts = record.counts
    return {
        "run": record.number,
        "attempt": record.attempt,
        "wall_s": record.wall_s,
        "outside_load_s": round(record.outside_load_s, 3),
        "server": counts.server,
        "samples": counts.samples,
        "locust": counts.locust,
        "unfinished": counts.unfinished,
        "counts_agree": counts.agree,
    }


def _ended(event: events.SessionEnded) -> dict[str, Any]:
    error = event.error
    return {
        "folder": str(event.folder),
        "finished_runs": event.finished_runs,
        "planned_runs": event.planned_runs,
        "signal": event.interrupted_by,
        "error": None
        if error is None
        else {"slug": error.slug, "what": hidden(error.what), "exit_code": error.exit_code},
    }
