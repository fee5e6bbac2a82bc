"""A window of a run in several parts: the slices in which an interleaved run had its target for itself."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    """Return phases of one name, in the order of time, as one window."""
    first, last = phases[0], phases[-1]
    return first if first is last else Slices(first.name, first.start_s, last.end_s, tuple(phases))


def parts_of(window: Phase) -> tuple[Phase, ...]:
    """Return the stretches of time that a window consists of; an ordinary phase is its own only part."""
    return window.parts if isinstance(window, Slices) else (window,)


def edges_s(window: Phase) -> Floats:
    """Return start and end of each part, ascending."""
    return np.array([edge for part in parts_of(window) for edge in (part.start_s, part.end_s)])


def is_inside(at_s: Floats, window: Phase) -> npt.NDArray[np.bool_]:
    """Return which moments lie in [start, end) of a part."""
    return np.asarray(np.searchsorted(edges_s(window), at_s, side="right") % 2 == 1)
