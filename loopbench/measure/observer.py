"""What measuring tells whoever watches. Measuring itself prints nothing."""

from pathlib import Path
from typing import Protocol

from loopbench.measure.judging import Standing
from loopbench.plan import Plan
from loopbench.records.session import PlannedRun, RunRecord
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario


class Observer(Protocol):
    """Called from the measuring loop: must return at once."""

    def waiting(self, sentence: str) -> None:
        """Before anything begins: for another measurement to end."""

    def session_started(self, scenario: Scenario, plan: Plan, folder: Path) -> None:
        """Before the first run."""

    def run_started(self, run: PlannedRun, variant_name: str) -> None:
        """A run begins: its target is about to be started."""

    def run_progressed(self, view: LiveView) -> None:
        """Ten times a second while the generator runs."""

    def run_finished(self, record: RunRecord) -> None:
        """A run is on disk and counts."""

    def run_repeated(self, run: PlannedRun, faults: tuple[str, ...]) -> None:
        """A run came out INVALID and is measured again."""

    def round_finished(self, number: int, standing: Standing) -> None:
        """Every variant has been measured once more."""

    def time_is_up(self, needed_s: float) -> None:
        """What comes next would take longer than there is time for."""
