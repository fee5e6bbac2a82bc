"""The figures that the stamp is made of: what was measured, what does not exist here, what could not be seen.

A figure that is None or absent makes a run INVALID ("not measured").
To omit a figure deliberately, return `NotApplicable` or `NotObservable` with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure; NaN is no figure. `detail` adds which second, or which setting."""

    value: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """There is no such figure in a run like this one."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotObservable:
    """There is one, but it cannot be seen from here."""

    reason: str


Metric = Measured | NotApplicable | NotObservable | None

Metrics = Mapping[str, Metric]
"""The figures of a run, or of a session, by name; shares run from 0 to 1. `stamp_rules` has a check for each."""
