"""What a person sees during a measurement: a bar on a terminal, plain lines elsewhere."""

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from loopbench.console import say
from loopbench.judge.figures import half_width, percent, plural, rounded
from loopbench.measure import events
from loopbench.measure.events import Event, Notify
from loopbench.plan import Plan
from loopbench.records.session import OUTSIDE_ROUNDS, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario
from loopbench.showable import showable

PLAIN_EVERY_S = 10.0
MAX_PLAIN_LINES = 60  # of a session as long as planned, those aside that report a failure
MAX_DETAIL_LINES = 8


def _utc_now() -> datetime:
    return datetime.now(UTC)


def progress_on(stream: TextIO, now: Callable[[], datetime] = _utc_now) -> Notify:
    """A live display on a terminal, plain lines elsewhere; `now` returns the time of an event."""
    plain = not stream.isatty() or os.environ.get("TERM") == "dumb"
    return PlainProgress(stream, now) if plain else LiveProgress(stream, now)


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
        turns = "" if scenario.isolated_because else " in turns"
        rounds = f", then {counted} of {plural(len(plan.rounds[0]), 'short run')}{turns}"
        length += f", at most {minutes(plan.longest_s)}" if few < most else ""
    return f"{pictures} of up to {plural(scenario.load.users, 'user')}{rounds}: {length} (seed {plan.seed})"


def time_note(plan: Plan, max_minutes: float) -> str:
    """Return how much of a plan fits into the time given, in one sentence; empty if all of it does."""
    if plan.shortest_s <= 60 * max_minutes:
        return ""
    needed = plan.rounds[: plan.fewest_rounds]
    parts = [*((run,) for run in plan.pictures), *needed]
    ends_s = itertools.accumulate(sum(run.expected_s for run in runs) for runs in parts)
    fitting, pictures = sum(end_s <= 60 * max_minutes for end_s in ends_s), len(plan.pictures)
    rounds = f" and {max(0, fitting - pictures)} of {plural(len(needed), 'round')}" if needed else ""
    time_given = f"the time given, {max_minutes:g} min,"
    return f"{time_given} is enough for about {min(fitting, pictures)} of {plural(pictures, 'run')}{rounds}"


def every(seconds: float, show: Callable[[float], None]) -> Callable[[float], None]:
    """Returns a function of the time elapsed that calls `show` once for each so many seconds."""
    shown = 0.0

    def tick(elapsed_s: float) -> None:
        nonlocal shown
        if elapsed_s >= shown + seconds:
            shown = elapsed_s
            show(elapsed_s)

    return tick


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
                self._done_s = self._run_expected_s = 0.0  # one display may show several sessions
            case events.RunStarted(run, _):
                self._run_began_s = time.monotonic()
                self._run_expected_s += run.expected_s  # of all that run together
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
    """Prints a line with the time when something begins or ends, and at times in between; fewer in a long session."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime]) -> None:
        self._stream, self._now = stream, now
        self._time = _TimeLeft()
        self._current = ""
        self._names: dict[int, str] = {}  # by the number of the run
        self._printed_s = 0.0
        self._apart_s = self._progress_apart_s = PLAIN_EVERY_S

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self._time.take(event)
        match event:
            case events.SessionStarted(scenario, plan, folder):
                apart_s = plan.longest_s / MAX_PLAIN_LINES
                self._apart_s = apart_s if 3 * len(plan.runs) > MAX_PLAIN_LINES else 0.0
                self._progress_apart_s = max(PLAIN_EVERY_S, apart_s)
                for line in _opening(scenario, plan, folder):
                    self._print(line)
            case events.RunStarted(run, variant):
                place = f"round {run.round}" if run.round != OUTSIDE_ROUNDS else run.kind
                self._current = self._names[run.number] = f"{place}, {showable(variant)}"
                self._begin_run()
            case events.RunProgressed(view):
                self._progress(load_now(view))
            case events.RunFinished() | events.RunRepeated() | events.RoundFinished():
                for line in _lines(event, self._names):
                    self._print_routine(line)
            case _:
                for line in _lines(event, self._names):
                    self._print(line)

    def _print(self, line: str) -> None:
        """Print a line with the time; a quotation, which is indented, without."""
        say(line if line.startswith(" ") else f"{self._now():%Y-%m-%dT%H:%M:%SZ}  {line}", self._stream)

    def _print_routine(self, line: str) -> None:
        if time.monotonic() - self._printed_s >= self._apart_s:
            self._printed_s = time.monotonic()
            self._print(line)

    def _begin_run(self) -> None:
        self._print_routine(f"{self._current}: started, {self._time.left}")

    def _progress(self, state: str) -> None:
        if time.monotonic() - self._printed_s >= self._progress_apart_s:
            self._print_routine(f"{self._current}: {state}  {self._time.left}")


class _Bar(Progress):
    """A bar for the session and the run under way; below it the load now, and what the rounds have shown so far."""

    load = so_far = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the lines that are drawn again and again. None wraps: the block keeps its height."""
        yield from super().get_renderables()
        for line in filter(None, (self.load, self.so_far)):
            yield Text(line, no_wrap=True, overflow="ellipsis")


class LiveProgress(PlainProgress):
    """Shows a bar for the session and the run under way; the other lines stay above it."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime]) -> None:
        super().__init__(stream, now)
        self._console = _CursorKeepingConsole(file=cast("TextIO", _UnbreakableStream(stream)), highlight=False)
        self._bar = _Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            transient=True,
            expand=True,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("", total=0, state="")

    def __call__(self, event: Event) -> None:
        """Show one event; the last one removes the bar."""
        super().__call__(event)
        if isinstance(event, events.SessionStarted):
            self._bar.so_far = ""
        if isinstance(event, events.RoundFinished):
            self._bar.so_far = f"so far: {showable(event.sentence)}"
        if isinstance(event, events.SessionEnded):
            self._bar.stop()

    def _print(self, line: str) -> None:
        self._bar.stop()
        self._console.print(Text(showable(line)))

    _print_routine = _print

    def _begin_run(self) -> None:
        self._bar.start()
        self._progress("starting the target")

    def _progress(self, state: str) -> None:
        self._bar.update(
            self._task,
            description=showable(self._current),
            completed=self._time.elapsed_s,
            total=self._time.total_s,
            state=self._time.left,
        )
        self._bar.load = showable(state)


def _lines(event: Event, names: Mapping[int, str]) -> Iterable[str]:
    """What both displays print of an event, given the names of runs by their numbers."""
    match event:
        case events.Waiting(sentence):
            yield sentence
        case events.VariantFailed(failure):
            yield f"{showable(failure.variant)}: {failure.state}, left out: {showable(failure.reason)}"
            yield from (f"    target | {showable(line)}" for line in failure.detail.splitlines()[-MAX_DETAIL_LINES:])
        case events.RunFinished(record):
            yield f"{names.get(record.number, record.variant)}: {_outcome(record)}"
        case events.RunRepeated(run, faults):
            reasons = "; ".join(showable(fault) for fault in faults)
            yield f"{names.get(run.number, run.variant)}: INVALID, will be measured again: {reasons}"
        case events.RoundFinished(number, _, _, sentence):
            yield f"after round {number}: {sentence}"
        case events.TimeIsUp(needed_s):
            yield f"no time is left for what comes next, which takes {minutes(needed_s)} min"


def _opening(scenario: Scenario, plan: Plan, folder: Path) -> Iterable[str]:
    yield showable(scenario.title)
    if scenario.question:
        yield showable(scenario.question)
    yield plan_sentence(scenario, plan)
    yield f"results: {folder}"


def load_now(view: LiveView) -> str:
    """Return the figures of the load under way in one line; those that are not known are left out."""
    width, p99_ms, blocked = view.rps_half_width, view.neighbour_p99_ms, view.blocked
    return "".join(
        (
            f"{view.phase or 'starting':<6} {view.users:>4} users  {view.rps:>7,.0f} RPS",
            "" if width is None else f" ±{half_width(width)}",
            "" if p99_ms is None else f"  neighbour p99 {rounded(p99_ms)} ms",
            "" if blocked is None else f"  blocked {percent(blocked)}",
        )
    )


def _outcome(record: RunRecord) -> str:
    counts = record.counts
    agreed = "counts agree" if counts.agree else "COUNTS DIFFER"
    times = f"{record.wall_s:.0f} s, {record.outside_load_s:.1f} s of them outside the load"
    return f"{counts.samples or 0:,} requests in {times}; {agreed}"


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
