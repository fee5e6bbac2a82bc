"""The vocabulary of a diagnosis: its classes, a figure beside its limit, and one rule that held."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from loopbench.judge.diagnosis.loop_lines import LoopLine


class Kind(StrEnum):
    """The classes of a diagnosis."""

    LOOP_BLOCKED = "event loop blocked"
    SPINNING = "spinning task"
    ENDLESS_WAIT = "deadlock or endless wait"
    BACKGROUND_BACKLOG = "background backlog"
    THREAD_HOPS = "thread hops"
    ANSWERS_FAIL = "answers fail"
    GIL_CONTENTION = "GIL contention"
    LOOP_CPU_BOUND = "event loop CPU-bound"
    APP_POOL = "pool or lock of the app"
    ANYIO_POOL_SATURATED = "thread pool saturated (anyio)"
    EXECUTOR_SATURATED = "default executor saturated"
    GENERATOR_SATURATED = "load generator saturated"
    CONNECTION_HELD = "connection held"
    ACCEPT_STARVATION = "accept starvation"
    GC_PAUSES = "garbage collection"
    DELAYED_ACK = "delayed acknowledgement"
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
    Kind.ENDLESS_WAIT: "requests of a name are in flight and none is ever answered, while the loop has time",
    Kind.THREAD_HOPS: "each answer needs many hops to a thread and back",
    Kind.SPINNING: "the loop is full while no request is in flight",
    Kind.ANSWERS_FAIL: "answers have a bad status; in front where they are many and no wait explains them",
    Kind.APP_POOL: "requests queue for a pool, lock or limiter of the app's own, narrower than the threads around it",
    Kind.CONNECTION_HELD: "requests wait on a connection that still serves the request before",
    Kind.DELAYED_ACK: "answers take a constant 40 to 50 ms outside the app, on an idle loop",
    Kind.DOWNSTREAM_WAIT: "most users wait for an answer, and neither loop nor pools are full",
    Kind.NO_BOTTLENECK: "most users think, and neither loop nor pools are full",
    Kind.NOT_OBSERVED: "the probe did not run, or saw nothing of the window; the reason is given",
}


class Sense(StrEnum):
    """On which side of a limit a rule holds."""

    AT_LEAST = "at least"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure, the value that separates, and what the figure is. Shares are of wall time."""

    figure: str
    value: float
    sense: Sense
    meaning: str


_ROWS = (
    Limit("utilization", 0.85, Sense.AT_LEAST, "share of the time in which the loop had something to do"),
    Limit("waiting part", 0.50, Sense.AT_LEAST, "off-CPU share of the loop's busy time, run-queue delay excluded"),
    Limit("waiting", 0.30, Sense.AT_LEAST, "the same over the time: where others have the processor, little is left"),
    Limit(
        "blocked waiting", 0.30, Sense.AT_LEAST, "time in steps over 10 ms in which the loop's thread did not compute"
    ),
    Limit("blocked", 0.10, Sense.AT_LEAST, "time in steps over 10 ms, on a loop that is not full"),
    Limit(
        "blocked unseen", 0.10, Sense.AT_LEAST, "the same without any line to blame: a callback that is a C function"
    ),
    Limit("longest line", 0.05, Sense.AT_LEAST, "the longest blocked line's time over the window"),
    Limit(
        "own lines", 0.40, Sense.AT_LEAST, "off-CPU time of own lines: long steps, and short steps of blocking calls"
    ),
    Limit("collecting line", 0.50, Sense.BELOW, "one line's time in long steps: above, it collects its own garbage"),
    Limit("short steps", 0.40, Sense.AT_LEAST, "one line's time in steps of up to 10 ms over the window"),
    Limit(
        "process cpu",
        0.40,
        Sense.AT_LEAST,
        "CPU of all threads, in cores, the loop being full; of the time that other programs leave",
    ),
    Limit("other threads' cpu", 0.15, Sense.AT_LEAST, "the same outside the loop's thread"),
    Limit("threads' cpu", 0.70, Sense.AT_LEAST, "the same on a loop that is not full"),
    Limit("loop cpu", 0.90, Sense.BELOW, "CPU of the loop's thread, the loop being full: above, it has what it wants"),
    Limit("anyio waiting", 1.0, Sense.AT_LEAST, "mean number of tasks waiting for a thread of anyio's limiter"),
    Limit("anyio borrowed", 0.50, Sense.AT_LEAST, "mean share of the limiter's tokens that were out"),
    Limit("executor queue", 1.0, Sense.AT_LEAST, "mean number of jobs waiting for a thread of the default executor"),
    Limit("tasks left", 0.50, Sense.AT_LEAST, "tasks not done after the last answer, for each user"),
    Limit("tasks growth", 0.05, Sense.AT_LEAST, "tasks not done, growing under steady users; for each good answer"),
    Limit("generator cpu", 0.80, Sense.AT_LEAST, "mean CPU of the busiest generator process, of a core"),
    Limit("never served", 0.05, Sense.AT_LEAST, "users without any answer at the end of the window, of all users"),
    Limit("gc pauses", 0.05, Sense.AT_LEAST, "time in garbage collection"),
    Limit("gc bound", 0.30, Sense.AT_LEAST, "the same, where it is what limits"),
    Limit(
        "never answered",
        2.0,
        Sense.AT_LEAST,
        "requests in flight of a name without an answer in the window, or from a moment in it on",
    ),
    Limit("hops", 10.0, Sense.AT_LEAST, "results that threads handed to the loop, for each answer"),
    Limit("quiet utilization", 0.85, Sense.AT_LEAST, "utilization in seconds in which no request was in flight"),
    Limit("answers failing", 0.20, Sense.AT_LEAST, "answers with a bad status, of all answers"),
    Limit("some failing", 0.01, Sense.AT_LEAST, "the same, where nothing else was found"),
    Limit(
        "turn waiting", 1.0, Sense.AT_LEAST, "mean tasks or threads waiting for one pool, lock or limiter of the app"
    ),
    Limit("turn share", 0.20, Sense.AT_LEAST, "the same, of the requests in flight or of the pool's threads"),
    Limit("turn of users", 0.10, Sense.AT_LEAST, "the same, of all users"),
    Limit("worked on", 0.25, Sense.BELOW, "requests worked on at a time (goodput times time alone) for each thread"),
    Limit("own executor queue", 1.0, Sense.AT_LEAST, "mean jobs waiting for a thread of an executor of the app"),
    Limit("pipelined", 1.0, Sense.AT_LEAST, "mean requests received on a connection that serves the one before"),
    Limit("in flight", 0.50, Sense.AT_LEAST, "mean requests in flight for each user: below, users mostly think"),
)

LIMITS: Final = {limit.figure: limit for limit in _ROWS}

MIN_TASKS: Final = 10  # fewer tasks left are the server's own comings and goings
NARROW: Final = 0.10  # a figure this near its limit (relative) makes a diagnosis borderline
MIN_SECONDS: Final = 3.0  # fewer of them make it borderline too


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
    lines: tuple[LoopLine, ...] | None = None  # that explain it; None: the loop's, where its kind has some
