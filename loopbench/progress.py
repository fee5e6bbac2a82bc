"""What a person sees during a measurement: a bar on a terminal, plain lines elsewhere."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from loopbench.console import say
from loopbench.judge.figures import plural
from loopbench.measure import events
from loopbench.measure.events import Event, Notify
from loopbench.plan import Plan
from loopbench.records.session import OUTSIDE_ROUNDS, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario
from loopbench.showable import showable

PLAIN_EVERY_S = 10.0


def progress_on(stream: TextIO) -> Notify:
    """A live display on a terminal, plain lines elsewhere."""
    plain = not stream.isatty() or os.environ.get("TERM") == "dumb"
    return PlainProgress(stream) if plain else LiveProgress(stream)


def minutes(seconds: float) -> str:
    """A duration as m:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def plan_sentence(scenario: Scenario, plan: Plan) -> str:
    """What is about to happen and how long it takes."""
    pictures = plural(len(plan.pictures), "run")
    length = f"about {minutes(plan.shortest_s)} min"
    rounds = ""
    if plan.rounds:
        few, most = plan.fewest_rounds, len(plan.rounds)
        counted = f"{few} to {most} rounds" if few < most else plural(most, "round")
        rounds = f", then {counted} of {plural(len(plan.rounds[0]), 'short run')}"
        length += f", at most {minutes(plan.longest_s)}" if few < most else ""
    return f"{pictures} of up to {plural(scenario.load.users, 'user')}{rounds}: {length} (seed {plan.seed})"


class _TimeLeft:
    """Expected duration of a session, and how much of it is over."""

    def __init__(self) -> None:
        self._plan = Plan(0, (), 0)
        self.total_s = 0.0  # as far as it is known: the number of rounds shows only as they go
        self._done_s = 0.0
        self._run_began_s = 0.0
        self._run_expected_s = 0.0

    def take(self, event: Event) -> None:
        """Follow a session."""
        match event:
            case events.SessionStarted(_, plan, _):
                self._plan, self.total_s = plan, plan.shortest_s
            case events.RunStarted(run, _):
                self._run_began_s, self._run_expected_s = time.monotonic(), run.expected_s
            case events.RunRepeated():
                self.total_s += self._run_expected_s
                self._end_run()
            case events.RunFinished():
                self._end_run()
            case events.RoundFinished():
                self.total_s = self._done_s + self._rounds_left_s(event)

    def _end_run(self) -> None:
        self._done_s += self._run_expected_s
        self._run_expected_s = 0.0

    def _rounds_left_s(self, last: events.RoundFinished) -> float:
        """Duration of the rounds that are still needed, at most as many as are planned."""
        fewest = self._plan.fewest_rounds
        needed = fewest if last.enough else max(fewest, last.number + 1, last.rounds_needed or 0)
        return sum(run.expected_s for runs in self._plan.rounds[last.number : needed] for run in runs)

    @property
    def elapsed_s(self) -> float:
        """Planned time of the runs that are finished, and of the one under way."""
        return self._done_s + min(time.monotonic() - self._run_began_s, self._run_expected_s)

    @property
    def left(self) -> str:
        """Time left, in words."""
        return f"about {minutes(self.total_s - self.elapsed_s)} left"


class PlainProgress:
    """Prints a line when something begins or ends, and one every ten seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._time = _TimeLeft()
        self._current = ""
        self._printed_s = 0.0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._time.take(event)
        match event:
            case events.RunStarted(run, variant):
                place = f"round {run.round}" if run.round != OUTSIDE_ROUNDS else run.kind
                self._current = f"{place}, {showable(variant)}"
                self._begin_run()
            case events.RunProgressed(view):
                self._progress(_load_now(view))
            case _:
                for line in _lines(event, self._current):
                    self._print(line)

    def _print(self, line: str) -> None:
        say(line, self._stream)

    def _begin_run(self) -> None:
        self._printed_s = time.monotonic()
        self._print(f"{self._current}: started, {self._time.left}")

    def _progress(self, state: str) -> None:
        if time.monotonic() - self._printed_s >= PLAIN_EVERY_S:
            self._printed_s = time.monotonic()
            self._print(f"{self._current}: {state}  {self._time.left}")


class LiveProgress(PlainProgress):
    """Shows a bar for the session and the run under way; the other lines stay above it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = _CursorKeepingConsole(file=cast("TextIO", _UnbreakableStream(stream)), highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("", total=0, state="")

    def __call__(self, event: Event) -> None:
        """Show one event; the last one removes the bar."""
        super().__call__(event)
        if isinstance(event, events.SessionEnded):
            self._bar.stop()

    def _print(self, line: str) -> None:
        self._bar.stop()
        self._console.print(line, markup=False)

    def _begin_run(self) -> None:
        self._bar.start()
        self._progress("starting the target")

    def _progress(self, state: str) -> None:
        self._bar.update(
            self._task,
            description=self._current,
            completed=self._time.elapsed_s,
            total=self._time.total_s,
            state=f"{state}  {self._time.left}",
        )


def _lines(event: Event, current: str) -> Iterable[str]:
    """What both displays print of an event; `current` names the run under way."""
    match event:
        case events.Waiting(sentence):
            yield sentence
        case events.SessionStarted(scenario, plan, folder):
            yield from _opening(scenario, plan, folder)
        case events.RunFinished(record):
            yield f"{current}: {_outcome(record)}"
        case events.RunRepeated(run, faults):
            reasons = "; ".join(showable(fault) for fault in faults)
            yield f"round {run.round}, {run.variant}: INVALID, will be measured again: {reasons}"
        case events.RoundFinished(number, _, _, sentence):
            yield f"after round {number}: {sentence}"
        case events.TimeIsUp(needed_s):
            yield f"the time given is up: what comes next would take {minutes(needed_s)} min"


def _opening(scenario: Scenario, plan: Plan, folder: Path) -> Iterable[str]:
    yield showable(scenario.title)
    yield showable(scenario.question)
    yield plan_sentence(scenario, plan)
    yield f"results: {folder}"


def _load_now(view: LiveView) -> str:
    return f"{view.phase or 'starting':<6} {view.users:>4} users  {view.rps:>8,.0f} RPS"


def _outcome(record: RunRecord) -> str:
    counts = record.counts
    agreed = "counts agree" if counts.agree else "COUNTS DIFFER"
    return f"{counts.samples or 0:,} requests in {record.wall_s:.0f} s, {agreed}"


class _UnbreakableStream:
    """A stream whose errors (its terminal is closed) do not disturb the measurement."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _CursorKeepingConsole(Console):
    """A console that never hides the cursor: a kill would leave it hidden in the user's shell."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002  rich's own signature
        return False
