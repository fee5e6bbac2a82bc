"""The words of a diagnosis: the classes, a figure beside its limit, and one rule that held."""

from dataclasses import dataclass
from enum import StrEnum

from loopbench.judge.diagnosis.limits import LIMITS, NARROW, Limit, Sense


class Kind(StrEnum):
    """All that a run can be diagnosed with."""

    BLOCKED_LOOP = "blocked loop"
    BACKGROUND_BACKLOG = "background backlog"
    GIL_FIGHT = "GIL fight"
    LOOP_OUT_OF_CPU = "loop out of CPU"
    ANYIO_QUEUE = "anyio pool queue"
    EXECUTOR_QUEUE = "executor queue"
    GENERATOR_LIMITED = "generator-limited"
    ACCEPT_STARVATION = "accept starvation"
    GC_PAUSES = "garbage collection"
    DOWNSTREAM = "downstream or too few users"
    NOTHING_LIMITS = "nothing limits"
    NOT_OBSERVED = "not observed"

    @property
    def meaning(self) -> str:
        """One line for the documentation: when a run is diagnosed with it."""
        return _MEANINGS[self]


_MEANINGS = {
    Kind.BLOCKED_LOOP: (
        "a call that does not give way holds the loop: it is full or often in long steps, and does not compute "
        "meanwhile; or it has time, but now and then takes a long step"
    ),
    Kind.BACKGROUND_BACKLOG: "tasks are left after the last answer, or grow in number while the users do not",
    Kind.GIL_FIGHT: "other threads of the process compute, and no single call of the user's holds the loop",
    Kind.LOOP_OUT_OF_CPU: "the loop is full and computes",
    Kind.ANYIO_QUEUE: "tasks wait for a thread of anyio's default limiter",
    Kind.EXECUTOR_QUEUE: "jobs wait for a thread of the loop's default executor",
    Kind.GENERATOR_LIMITED: "the load generator is out of CPU and the loop is not full",
    Kind.ACCEPT_STARVATION: "users never had an answer, and nothing above explains it",
    Kind.GC_PAUSES: "garbage collection stops the loop; told second where it takes much of a full one",
    Kind.DOWNSTREAM: "most users wait for an answer, and neither loop nor pools are full",
    Kind.NOTHING_LIMITS: "most users think, and neither loop nor pools are full",
    Kind.NOT_OBSERVED: "the probe was not aboard, or saw nothing of the window; the reason is told",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure beside its limit."""

    limit: Limit
    value: float

    @property
    def holds(self) -> bool:
        """Whether the figure is on the limit's telling side."""
        return self.value >= self.limit.value if self.limit.sense is Sense.AT_LEAST else self.value < self.limit.value

    @property
    def is_narrow(self) -> bool:
        """Whether a little less would have told otherwise."""
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
