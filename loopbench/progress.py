"""What a person sees while measuring: a bar on a terminal, plain lines elsewhere."""

import contextlib
import os
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from loopbench.console import say
from loopbench.measure.judging import Standing
from loopbench.measure.observer import Observer
from loopbench.plan import Plan
from loopbench.records.session import OUTSIDE_ROUNDS, PlannedRun, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario
from loopbench.showable import showable

PLAIN_EVERY_S = 10.0


def observer_for(stream: TextIO) -> Observer:
    """A live display on a terminal, plain lines elsewhere."""
    plain = not stream.isatty() or os.environ.get("TERM") == "dumb"
    return PlainProgress(stream) if plain else LiveProgress(stream)


def minutes(seconds: float) -> str:
    """A length of time as m:ss."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


class _Course:
    """Where a session stands: shared by both displays."""

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.current = ""
        self.total_s = 0.0  # as far as is known by now: how many rounds it takes shows only as they go
        self._done_s = 0.0
        self._run_began_s = 0.0
        self._run_expected_s = 0.0

    def begin(self, plan: Plan) -> None:
        self.plan = plan
        self.total_s = plan.shortest_s

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        place = f"round {run.round}" if run.round != OUTSIDE_ROUNDS else run.kind
        self.current = f"{place}, {showable(variant_name)}"
        self._run_began_s = time.monotonic()
        self._run_expected_s = run.expected_s

    def run_finished(self) -> None:
        self._done_s += self._run_expected_s
        self._run_expected_s = 0.0

    def run_repeated(self) -> None:
        self.total_s += self._run_expected_s
        self.run_finished()

    def round_finished(self, number: int, standing: Standing) -> None:
        """From here on the rounds that are still needed, at most as many as are planned."""
        assert self.plan is not None
        fewest = self.plan.fewest_rounds
        needed = fewest if standing.enough else max(fewest, number + 1, standing.rounds_needed or 0)
        to_come = self.plan.rounds[number:needed]
        self.total_s = self._done_s + sum(run.expected_s for runs in to_come for run in runs)

    @property
    def elapsed_s(self) -> float:
        """Of the plan's time, judged by the runs that are finished and the one that is not."""
        return self._done_s + min(time.monotonic() - self._run_began_s, self._run_expected_s)

    @property
    def left(self) -> str:
        """Time left, in words."""
        return f"about {minutes(self.total_s - self.elapsed_s)} left"


def _opening(scenario: Scenario, plan: Plan, folder: Path) -> Iterable[str]:
    yield showable(scenario.title)
    yield showable(scenario.question)
    yield plan_sentence(scenario, plan)
    yield f"results: {folder}"


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


def plural(count: int, noun: str) -> str:
    """`1 run`, `4 runs`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _repeated(run: PlannedRun, faults: tuple[str, ...]) -> str:
    reasons = "; ".join(showable(fault) for fault in faults)
    return f"round {run.round}, {run.variant}: INVALID, will be measured again: {reasons}"


def _time_is_up(needed_s: float) -> str:
    return f"the time given is up: what comes next would take {minutes(needed_s)} min"


def _state(view: LiveView) -> str:
    return f"{view.phase or 'starting':<6} {view.users:>4} users  {view.rps:>8,.0f} RPS"


class PlainProgress:
    """A line when something begins or ends, and one every ten seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._course = _Course()
        self._say = partial(say, stream=stream)
        self._said_s = 0.0

    def waiting(self, sentence: str) -> None:
        """See `Observer`."""
        self._say(sentence)

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        self._course.begin(plan)
        for line in _opening(scenario, plan, folder):
            self._say(line)

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """See `Observer`."""
        self._course.run_started(run, variant_name)
        self._said_s = time.monotonic()
        self._say(f"{self._course.current}: started, {self._course.left}")

    def run_progressed(self, view: LiveView) -> None:
        """See `Observer`."""
        if time.monotonic() - self._said_s >= PLAIN_EVERY_S:
            self._said_s = time.monotonic()
            self._say(f"{self._course.current}: {_state(view)}  {self._course.left}")

    def run_finished(self, record: RunRecord) -> None:
        """See `Observer`."""
        self._course.run_finished()
        self._say(f"{self._course.current}: {_outcome(record)}")

    def run_repeated(self, run: PlannedRun, faults: tuple[str, ...]) -> None:
        """See `Observer`."""
        self._course.run_repeated()
        self._say(_repeated(run, faults))

    def round_finished(self, number: int, standing: Standing) -> None:
        """See `Observer`."""
        self._course.round_finished(number, standing)
        self._say(f"after round {number}: {standing.sentence}")

    def time_is_up(self, needed_s: float) -> None:
        """See `Observer`."""
        self._say(_time_is_up(needed_s))


class _Steadfast:
    """A stream that may break (its terminal is closed) without disturbing who writes."""

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


class _SteadyConsole(Console):
    """A console that never hides the cursor: a kill would leave it hidden in the user's shell."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002  rich's own signature
        return False


class LiveProgress:
    """One bar for the session, one line for the run that is under way, a line kept for each that is finished."""

    def __init__(self, stream: TextIO) -> None:
        self._course = _Course()
        self._console = _SteadyConsole(file=cast("TextIO", _Steadfast(stream)), highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", markup=False),
            console=self._console,
            transient=True,
            refresh_per_second=4,
        )
        self._task: TaskID | None = None

    def waiting(self, sentence: str) -> None:
        """See `Observer`."""
        self._console.print(sentence, markup=False)

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """See `Observer`."""
        self._course.begin(plan)
        for line in _opening(scenario, plan, folder):
            self._console.print(line, markup=False)
        self._task = self._bar.add_task("", total=plan.shortest_s, state="")

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
        self._keep(f"{self._course.current}: {_outcome(record)}")

    def run_repeated(self, run: PlannedRun, faults: tuple[str, ...]) -> None:
        """See `Observer`."""
        self._course.run_repeated()
        self._keep(_repeated(run, faults))

    def round_finished(self, number: int, standing: Standing) -> None:
        """See `Observer`."""
        self._course.round_finished(number, standing)
        self._keep(f"after round {number}: {standing.sentence}")

    def time_is_up(self, needed_s: float) -> None:
        """See `Observer`."""
        self._keep(_time_is_up(needed_s))

    def _keep(self, line: str) -> None:
        """A line that stays above the bar."""
        self._bar.stop()
        self._console.print(line, markup=False)

    def _show(self, state: str) -> None:
        assert self._task is not None
        text = f"{state}  {self._course.left}"
        self._bar.update(
            self._task,
            description=self._course.current,
            completed=self._course.elapsed_s,
            total=self._course.total_s,
            state=text,
        )


def _outcome(record: RunRecord) -> str:
    counts = record.counts
    agreed = "counts agree" if counts.agree else "COUNTS DIFFER"
    return f"{counts.samples or 0:,} requests in {record.wall_s:.0f} s, {agreed}"
