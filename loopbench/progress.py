"""What a person sees while measuring: a bar on a terminal, plain lines elsewhere."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from loopbench.console import say
from loopbench.measure.observer import Observer
from loopbench.plan import Plan
from loopbench.records.session import PlannedRun, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario
from loopbench.showable import showable

PLAIN_EVERY_S = 10.0


def observer_for(stream: TextIO) -> Observer:
    """A live display on a terminal, plain lines elsewhere."""
    plain = not stream.isatty() or os.environ.get("TERM") == "dumb"
    return PlainProgress() if plain else LiveProgress(stream)


def minutes(seconds: float) -> str:
    """A length of time as m:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


class _Course:
    """Where a session stands: shared by both displays."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.current = ""
        self._done_s = 0.0
        self._run_began_s = 0.0
        self._run_expected_s = 0.0

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        total = len(self.plan.runs) if self.plan else 0
        self.current = f"{run.number}/{total} {showable(variant_name)}"
        self._run_began_s = time.monotonic()
        self._run_expected_s = run.expected_s

    def run_finished(self) -> None:
        self._done_s += self._run_expected_s

    @property
    def elapsed_s(self) -> float:
        """Of the plan's time, judged by the runs that are finished and the one that is not."""
        return self._done_s + min(time.monotonic() - self._run_began_s, self._run_expected_s)

    @property
    def left(self) -> str:
        """Time left, in words."""
        expected = self.plan.expected_s if self.plan else 0.0
        return f"{minutes(expected - self.elapsed_s)} left"


def _opening(scenario: Scenario, plan: Plan, folder: Path) -> Iterable[str]:
    load = scenario.load
    yield showable(scenario.title)
    yield showable(scenario.question)
    yield f"{len(plan.runs)} runs of up to {load.users} users, about {minutes(plan.expected_s)} min, seed {plan.seed}"
    yield f"results: {folder}"


def _state(view: LiveView) -> str:
    return f"{view.phase or 'starting':<6} {view.users:>4} users  {view.rps:>8,.0f} RPS"


class PlainProgress:
    """A line when something begins or ends, and one every ten seconds in between."""

    def __init__(self) -> None:
        self._course = _Course()
        self._said_s = 0.0

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        self._course.plan = plan
        for line in _opening(scenario, plan, folder):
            say(line)

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """See `Observer`."""
        self._course.run_started(run, variant_name)
        self._said_s = time.monotonic()
        say(f"{self._course.current}: started, {self._course.left}")

    def run_progressed(self, view: LiveView) -> None:
        """See `Observer`."""
        if time.monotonic() - self._said_s >= PLAIN_EVERY_S:
            self._said_s = time.monotonic()
            say(f"{self._course.current}: {_state(view)}  {self._course.left}")

    def run_finished(self, record: RunRecord) -> None:
        """See `Observer`."""
        self._course.run_finished()
        say(f"{self._course.current}: {_outcome(record)}")


class _SteadyConsole(Console):
    """A console that never hides the cursor: a kill would leave it hidden in the user's shell."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002  rich's own signature
        return False


class LiveProgress:
    """One bar for the session, one line for the run that is under way, a line kept for each that is finished."""

    def __init__(self, stream: TextIO) -> None:
        self._course = _Course()
        self._console = _SteadyConsole(file=stream, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        self._course.plan = plan
        for line in _opening(scenario, plan, folder):
            self._console.print(line, markup=False)
        self._task = self._bar.add_task("", total=plan.expected_s, state="")

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """See `Observer`."""
        self._course.run_started(run, variant_name)
        self._bar.start()
        self._show("starting the target")

    def run_progressed(self, view: LiveView) -> None:
        """See `Observer`."""
        self._show(_state(view))

    def run_finished(self, record: RunRecord) -> None:
        """See `Observer`."""
        self._course.run_finished()
        self._bar.stop()
        self._console.print(f"{self._course.current}: {_outcome(record)}", markup=False)

    def _show(self, state: str) -> None:
        assert self._task is not None
        text = f"{state}  {self._course.left}"
        self._bar.update(self._task, description=self._course.current, completed=self._course.elapsed_s, state=text)


def _outcome(record: RunRecord) -> str:
    counts = record.counts
    agreed = "counts agree" if counts.agree else "COUNTS DIFFER"
    return f"{counts.samples or 0:,} requests in {record.wall_s:.0f} s, {agreed}"
