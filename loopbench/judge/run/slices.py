"""A window of a run in several parts: the slices in which an interleaved run had its target for itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from loopbench.records.session import Phase

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slices(Phase):
    """One window from the first part to the last. What lies between the parts belongs to other targets."""

    parts: tuple[Phase, ...] = ()

    @property
    def width_s(self) -> float:
        """Length of all parts together."""
        return sum(part.width_s for part in self.parts)


def joined(phases: Sequence[Phase]) -> Phase:
    """Return phases, in the order of time, as one window of the first one's name. Phases that touch become one part."""
    parts: list[Phase] = []
    for phase in phases:
        if parts and parts[-1].end_s == phase.start_s:
            parts[-1] = replace(parts[-1], end_s=phase.end_s)
        else:
            parts.append(phase)
    first, last = parts[0], parts[-1]
    return first if first is last else Slices(first.name, first.start_s, last.end_s, tuple(parts))


def parts_of(window: Phase) -> tuple[Phase, ...]:
    """Return the stretches of time that a window consists of; an ordinary phase is its own only part."""
    return window.parts if isinstance(window, Slices) else (window,)


def edges_s(window: Phase) -> Floats:
    """Return start and end of each part, ascending."""
    return np.array([edge for part in parts_of(window) for edge in (part.start_s, part.end_s)])


def is_inside(at_s: Floats, window: Phase) -> npt.NDArray[np.bool_]:
    """Return which moments lie in [start, end) of a part."""
    return np.asarray(np.searchsorted(edges_s(window), at_s, side="right") % 2 == 1)
