"""What a rule of the stamp is made of: a figure, its limits, the level it leads to, and what to do about it."""

import math
from dataclasses import dataclass
from enum import Enum, IntEnum


class Level(IntEnum):
    """How far a figure may be trusted; the worst finding decides."""

    VALID = 0
    DEGRADED = 1
    INVALID = 2

    @property
    def label(self) -> str:
        """As it is printed."""
        return ("VALID", "VALID (DEGRADED)", "INVALID")[self]


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
    """One figure and its limits.

    Args:
        metric: name of the figure.
        title: what the figure is, in words that stand before its value.
        unit: of figure and limits.
        invalid: beyond it the run is INVALID; None: never.
        degraded: beyond it the run is DEGRADED; None: never.
        at_least: the limits are lower ones.
        remark_above: reported above this value even where it harms nothing; None: only beyond a limit.
    """

    metric: str
    title: str
    unit: Unit
    invalid: float | None = None
    degraded: float | None = None
    at_least: bool = False
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
    """One line of the table.

    Args:
        id: as in `docs/stamp.md`.
        about: what should be so.
        checks: the figures that show it.
        advice: one sentence, what to do when it is not.
        unobservable: what it costs when the figure exists but cannot be seen here.
        unobservable_why: the reason for that.
    """

    id: str
    about: str
    checks: tuple[Check, ...]
    advice: str
    unobservable: Level
    unobservable_why: str
