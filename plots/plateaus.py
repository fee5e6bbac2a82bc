"""Each variant's goodput over the rounds, to stand at the end of its ramp: where the curve leads, with an interval."""

import math
from typing import Final, NamedTuple

from loopbench.judge.figures import half_width, rounded
from loopbench.judge.rounds.rounds import Rounds

MARK: Final = "Diamond: geometric mean of the rounds' goodput, each run on a fresh target; bar: its 95 % interval."


class RoundsPlateau(NamedTuple):
    """Good answers per second at all users; no interval from a single run."""

    rps: float
    low_rps: float | None
    high_rps: float | None
    runs: int

    @property
    def highest_rps(self) -> float:
        """The top of what is drawn of it, an interval beyond twice its middle left out: it would flatten the rest."""
        return min(self.high_rps or self.rps, 2 * self.rps)

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches up, as a part of the mean."""
        if self.high_rps is None:
            return None
        return self.high_rps / self.rps - 1 if self.rps else math.inf

    @property
    def figures(self) -> str:
        """`487/s ±2 %`."""
        width = "" if self.half_width is None else f" {shown_width(self.half_width)}"
        return f"{rounded(self.rps)}/s{width}"


def plateaus(rounds: Rounds | None) -> dict[str, RoundsPlateau]:
    """By variant; those without a valid run are absent."""
    made = {}
    for name in rounds.goodput.replicates.variants if rounds else ():
        estimate = rounds.goodput.estimate(name) if rounds else None
        if estimate is None or estimate.value is None:
            continue
        interval = estimate.interval()
        low, high = (None, None) if interval is None else (interval.low, interval.high)
        made[name] = RoundsPlateau(estimate.value, low, high, estimate.count)
    return made


def shown_width(share: float) -> str:
    """`±2.1 %`."""
    return f"±{half_width(share)}"
