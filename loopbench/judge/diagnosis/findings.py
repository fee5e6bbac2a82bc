"""The vocabulary of a diagnosis: its classes, a figure beside its limit, and one rule that held."""

from dataclasses import dataclass
from enum import StrEnum

from loopbench.judge.diagnosis.limits import LIMITS, NARROW, Limit, Sense


class Kind(StrEnum):
    """The classes of a diagnosis."""

    LOOP_BLOCKED = "event loop blocked"
    BACKGROUND_BACKLOG = "background backlog"
    GIL_CONTENTION = "GIL contention"
    LOOP_CPU_BOUND = "event loop CPU-bound"
    ANYIO_POOL_SATURATED = "thread pool saturated (anyio)"
    EXECUTOR_SATURATED = "default executor saturated"
    GENERATOR_SATURATED = "load generator saturated"
    ACCEPT_STARVATION = "accept starvation"
    GC_PAUSES = "garbage collection"
    DOWNSTREAM_WAIT = "downstream wait"
    NO_BOTTLENECK = "no bottleneck found"
    NOT_OBSERVED = "not observed"

    @property
    def meaning(self) -> str:
        """When a run is diagnosed with it: one line for the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    Kind.LOOP_BLOCKED: (
        "a call that does not yield blocks the loop: the loop is full or often in long steps and does not compute "
        "meanwhile, or it has time and takes a long step now and then"
    ),
    Kind.BACKGROUND_BACKLOG: "tasks are left after the last answer, or grow in number while the users do not",
    Kind.GIL_CONTENTION: "other threads of the process compute, and no single call of the app blocks the loop",
    Kind.LOOP_CPU_BOUND: "the loop is full and computes",
    Kind.ANYIO_POOL_SATURATED: "tasks wait for a thread of anyio's default limiter",
    Kind.EXECUTOR_SATURATED: "jobs wait for a thread of the loop's default executor",
    Kind.GENERATOR_SATURATED: "the load generator is out of CPU and the loop is not full",
    Kind.ACCEPT_STARVATION: "users never had an answer, and nothing above explains it",
    Kind.GC_PAUSES: "garbage collection stops the loop; second in the order where it takes much of a full loop",
    Kind.DOWNSTREAM_WAIT: "most users wait for an answer, and neither loop nor pools are full",
    Kind.NO_BOTTLENECK: "most users think, and neither loop nor pools are full",
    Kind.NOT_OBSERVED: "the probe did not run, or saw nothing of the window; the reason is given",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure beside its limit."""

    limit: Limit
    value: float

    @property
    def holds(self) -> bool:
        """Whether the figure is on the side of the limit on which the rule holds."""
        return self.value >= self.limit.value if self.limit.sense is Sense.AT_LEAST else self.value < self.limit.value

    @property
    def is_narrow(self) -> bool:
        """Whether the figure is within 10 % of the limit."""
        return abs(self.value - self.limit.value) < NARROW * self.limit.value

    @property
    def text(self) -> str:
        """`utilization 0.99 (at least 0.85)`."""
        return f"{self.limit.figure} {self.value:.2f} ({self.limit.sense} {self.limit.value:g})"


def evidence_of(figure: str, value: float | None) -> Evidence | None:
    """A figure beside the limit of that name; None if it was not measured."""
    return None if value is None else Evidence(LIMITS[figure], value)


def all_holding(*evidence: Evidence | None) -> tuple[Evidence, ...] | None:
    """All of them, if all were measured and hold."""
    known = tuple(each for each in evidence if each is not None)
    return known if len(known) == len(evidence) and all(each.holds for each in known) else None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that held."""

    kind: Kind
    sentence: str
    evidence: tuple[Evidence, ...]
    remedies: tuple[str, ...]
    has_lines: bool = True  # whether the lines of its kind explain it
