"""What the runner asks between runs. Measuring judges nothing itself: the CLI hands it somebody who does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loopbench.records.session import PlannedRun


@dataclass(frozen=True)
class Standing:
    """How far the rounds have come."""

    enough: bool
    rounds_needed: int | None  # in all, as far as can be told by now
    sentence: str  # the widest interval, and what is still needed


class Judge(Protocol):
    """Looks at folders, between runs and never beside one."""

    def least_window_s(self, session_folder: Path, run: PlannedRun) -> float:
        """How long the steady window of a plateau or a step run must last at least, with all users there."""

    def faults(self, run_folder: Path, session_folder: Path) -> tuple[str, ...]:
        """Why a run is INVALID and should be measured again; nothing when it may stand."""

    def standing(self, session_folder: Path) -> Standing:
        """After a whole round: is every declared comparison narrow enough?"""
