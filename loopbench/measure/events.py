"""What happens during a session: one frozen class for each event. Measuring reports events and prints nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import LoopbenchError
from loopbench.plan import Plan
from loopbench.records.failures import VariantFailure
from loopbench.records.session import PlannedRun, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario


@dataclass(frozen=True)
class Waiting:
    """Another measurement holds the lock; this one begins when that one has ended."""

    sentence: str


@dataclass(frozen=True)
class SessionStarted:
    """The first run is next."""

    scenario: Scenario
    plan: Plan
    folder: Path


@dataclass(frozen=True)
class VariantFailed:
    """A variant failed when it was verified, and is not measured."""

    failure: VariantFailure


@dataclass(frozen=True)
class RunStarted:
    """The target of a run is about to be started."""

    run: PlannedRun
    variant: str  # its name in the scenario; of a timeline, the timeline's


@dataclass(frozen=True)
class PhaseBegan:
    """The load of a run enters a phase."""

    run: PlannedRun
    phase: str
    users: int


@dataclass(frozen=True)
class RunProgressed:
    """Ten times a second while the generator runs."""

    view: LiveView


@dataclass(frozen=True)
class RunRepeated:
    """The run is INVALID and is measured again."""

    run: PlannedRun
    faults: tuple[str, ...]


@dataclass(frozen=True)
class RunFinished:
    """The run is on disk and counts."""

    record: RunRecord


@dataclass(frozen=True)
class RoundFinished:
    """Every variant has been measured once more."""

    number: int
    enough: bool
    rounds_needed: int | None  # in all; None: not known yet
    sentence: str  # ratios with their intervals, the widest interval, and what is still needed


@dataclass(frozen=True)
class TimeIsUp:
    """The next run or round would take longer than `--max-minutes` leaves."""

    needed_s: float


@dataclass(frozen=True)
class SessionEnded:
    """Measuring has ended. Nothing is drawn yet."""

    folder: Path
    finished_runs: int
    planned_runs: int  # as far as they were still needed at the end
    interrupted_by: int | None  # a signal's number
    error: LoopbenchError | None  # what ended the session before its plan did


Event = (
    Waiting
    | SessionStarted
    | VariantFailed
    | RunStarted
    | PhaseBegan
    | RunProgressed
    | RunRepeated
    | RunFinished
    | RoundFinished
    | TimeIsUp
    | SessionEnded
)
Notify = Callable[[Event], None]  # receives every event, in the thread that measures: it must return at once
