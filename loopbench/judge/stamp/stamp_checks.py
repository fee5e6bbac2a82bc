"""What a rule of the stamp is made of: a figure, its limits, what follows beyond them, and what to do about it."""

import math
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum


class Level(IntEnum):
    """How far a figure may be trusted; the worst finding decides."""

    VALID = 0
    DEGRADED = 1
    INVALID = 2

    @property
    def label(self) -> str:
        """As it is printed."""
        return ("VALID", "VALID (DEGRADED)", "INVALID")[self]


class State(StrEnum):
    """The health of the target under load, the worst first."""

    DEAD = "dead"  # its process ended
    HUNG = "hung"  # it answered no request of the variant, or did not end when asked to
    FAILING = "failing"  # a share of its answers is wrong, or requests fail without an answer
    STARVING = "starving"  # users never got an answer
    STALLED = "stalled"  # answers take longer than the window allows
    HEALTHY = "healthy"


class Unit(Enum):
    """What a figure is counted in, and how it is written."""

    COUNT = "count"
    SHARE = "share"  # 0 to 1, written in per cent
    SECONDS = "seconds"
    RATIO = "ratio"

    def written(self, value: float) -> str:
        """A figure or a limit, in three digits that count."""
        if math.isinf(value):
            return "without bound"
        if self is Unit.COUNT:
            return f"{value:,.0f}"
        if self is Unit.SHARE:
            return f"{100 * value:.3g} %"
        return f"{value:.3g} s" if self is Unit.SECONDS else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Check:
    """One figure and its limits."""

    metric: str  # name of the figure
    title: str  # what the figure is, in words that stand before its value
    unit: Unit  # of figure and limits
    invalid: float | None = None  # beyond it the run is INVALID; None: never
    degraded: float | None = None  # beyond it the run is DEGRADED; None: never
    at_least: bool = False  # the limits are lower ones
    # reported above this value even where it harms nothing; None: only beyond a limit
    remark_above: float | None = None

    def level(self, value: float) -> Level:
        """What this value does to the stamp."""
        if self.invalid is not None and self._beyond(value, self.invalid):
            return Level.INVALID
        if self.degraded is not None and self._beyond(value, self.degraded):
            return Level.DEGRADED
        return Level.VALID

    def limit(self, level: Level) -> str:
        """The limit that a value of this level has passed; for a VALID one the first that it has not."""
        passed = self.invalid if level is Level.INVALID or self.degraded is None else self.degraded
        return "" if passed is None else self.bound(passed)

    @property
    def limits(self) -> tuple[tuple[Level, float], ...]:
        """Each level it can lead to, and from where on."""
        both = ((Level.INVALID, self.invalid), (Level.DEGRADED, self.degraded))
        return tuple((level, limit) for level, limit in both if limit is not None)

    def bound(self, limit: float) -> str:
        """A limit with its direction, as `<= 80 %`; 0 is 0."""
        if limit == 0:
            return "0"
        return f"{'>=' if self.at_least else '<='} {self.unit.written(limit)}"

    def _beyond(self, value: float, limit: float) -> bool:
        return value < limit if self.at_least else value > limit


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    id: str  # as in `docs/stamp.md`
    about: str  # what should be so
    checks: tuple[Check, ...]  # the figures that show it
    advice: str  # one sentence, what to do when it is not
    why: str  # why it is about the measurement, or about the target
    # what the target is beyond the limit, if the rule is about the target; HEALTHY: its figures are bounds. None: the
    # rule is about the measurement, and lowers the stamp
    health: State | None = None
    unobservable: Level = Level.DEGRADED  # what it costs when the figure exists but cannot be seen here
    unobservable_why: str = "the fault could be there unnoticed"  # the reason for that
