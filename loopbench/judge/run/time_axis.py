"""Several generators' records on one time axis: the first one's.

Each record counts its seconds from its own origin. Generators on one host share its monotonic clock, so the distance of
their origins is known exactly. Clocks of different hosts are never subtracted from each other: such records are laid
over each other by what all of them marked, the moments at which a phase began. Every generator marks a phase when its
master's message arrives, so what remains is the difference in the messages' way, on a local network well below what
a window of seconds can resolve.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loopbench.records import samples as layout


@dataclass(frozen=True)
class Marked:
    """One generator's clock and what it noted on it."""

    clock: str  # see `loopbench.records.clocks`; empty: unknown
    origin_monotonic_s: float
    events: Sequence[layout.Event]


def shift_s(reference: Marked, other: Marked) -> float | None:
    """Seconds to add to the other's times to have them on the reference's axis."""
    if reference.clock and reference.clock == other.clock:
        return other.origin_monotonic_s - reference.origin_monotonic_s
    distances = [
        here_s - there_s
        for (here, here_s), (there, there_s) in zip(_ordered_marks(reference), _ordered_marks(other), strict=False)
        if here == there
    ]
    return statistics.median(distances) if distances else None


def users_alive(at_s: npt.NDArray[np.float64], events: Sequence[layout.Event]) -> npt.NDArray[np.int_]:
    """How many users there were at each moment, over all generators whose events these are."""
    came = np.sort([at for at, kind, _ in events if kind == layout.EVENT_USER_STARTED])
    went = np.sort([at for at, kind, _ in events if kind == layout.EVENT_USER_STOPPED])
    alive = np.searchsorted(came, at_s, side="right") - np.searchsorted(went, at_s, side="left")
    return np.asarray(alive, dtype=np.int_)


def _ordered_marks(marked: Marked) -> list[tuple[str, float]]:
    """Phases begun by the master's messages. The warm-up begins with Locust's own, the end with a generator's last."""
    own = {layout.PHASE_WARMUP, layout.PHASE_END}
    return [(str(value), at) for at, kind, value in marked.events if kind == layout.EVENT_PHASE and value not in own]
