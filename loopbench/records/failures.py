"""`failures.json`: the variants that are left out, and why. Absent if all take part."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from loopbench.records.codec import read_json

FAILURES_FILE: Final = "failures.json"
DEAD: Final = "dead"
HUNG: Final = "hung"
FAILING: Final = "failing"
SLOW: Final = "slow"  # its ramp was measured, and no round
FailedState = Literal["dead", "hung", "failing", "slow"]


@dataclass(frozen=True)
class VariantFailure:
    """A variant that is left out: it failed when it was verified, or its ramp has shown enough."""

    variant: str  # its name
    state: FailedState
    reason: str  # one sentence
    detail: str  # what the target answered or logged


@dataclass(frozen=True)
class Failures:
    """Every variant that is left out."""

    variants: tuple[VariantFailure, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Names of these variants."""
        return frozenset(each.variant for each in self.variants)


NONE_FAILED: Final = Failures()


def read_failures(session_folder: Path) -> Failures:
    """Return the variants that a session left out."""
    return read_json(Failures, session_folder / FAILURES_FILE) or NONE_FAILED
