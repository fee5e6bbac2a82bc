"""The canaries of a session: how fast the machine usually was, and how far it usually strayed from that."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from loopbench.records.session import RunRecord

MIN_CANARIES: Final = 6  # canaries from which their usual scatter is known
USUAL: Final = 0.8
"""What more than one canary in five does is the machine's habit (the share of repeats that rule X3 allows, too)."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """Fixed work before and after every run.

    On a host that gives its processors to others as well, the same work takes 3 ms in one tenth of a second and 5 ms
    in the next, all session long. A run of ten seconds has its share of both, and the rounds' intervals carry what is
    left; so the usual scatter is no fault of a single run. It is reported once, for the session.
    """

    median_s: float | None  # None: never run
    scatter: float | None  # as a share of it: four in five lie nearer; None: too few


def canaries_of(seconds: Iterable[float | None]) -> Canaries:
    """Median and scatter of what is known."""
    known = [canary_s for canary_s in seconds if canary_s]
    if not known:
        return Canaries(None, None)
    middle_s = median(known)
    strayed = sorted(abs(canary_s / middle_s - 1) for canary_s in known)
    return Canaries(middle_s, strayed[math.ceil(USUAL * len(known)) - 1] if len(known) >= MIN_CANARIES else None)


def session_canaries(records: Iterable[RunRecord]) -> Canaries:
    """Of a session's complete runs, before and after each."""
    return canaries_of(canary_s for run in records for canary_s in (run.canary_before_s, run.canary_after_s))
