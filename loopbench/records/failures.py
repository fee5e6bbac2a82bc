"""`failures.json`: the variants that failed before anything was measured, and why. Absent if all are well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from loopbench.records.codec import read_json

FAILURES_FILE: Final = "failures.json"
DEAD: Final = "dead"
HUNG: Final = "hung"
FAILING: Final = "failing"
FailedState = Literal["dead", "hung", "failing"]


@dataclass(frozen=True)
class VariantFailure:
    """A variant that was verified and failed. It is not measured."""

    variant: str  # its name
    state: FailedState
    reason: str  # one sentence
    detail: str  # what the target answered or logged


@dataclass(frozen=True)
class Failures:
    """Every variant that failed."""

    variants: tuple[VariantFailure, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Names of these variants."""
        return frozenset(each.variant for each in self.variants)


NONE_FAILED: Final = Failures()


def read_failures(session_folder: Path) -> Failures:
    """Return the variants of a session that failed before anything was measured."""
    return read_json(Failures, session_folder / FAILURES_FILE) or NONE_FAILED
