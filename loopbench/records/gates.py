"""The gates of a scenario as a session records them, complete enough to judge them again without the scenario."""

from dataclasses import dataclass
from typing import Final

GOODPUT: Final = "goodput"
P99_MS: Final = "p99_ms"
NEIGHBOUR_P99_MS: Final = "neighbour_p99_ms"
LOOP_BLOCKED_SHARE: Final = "loop_blocked_share"
LINE_MS: Final = "line_ms"
FAILURES: Final = "failures"
NEVER_SERVED: Final = "never_served"

FROM_ROUNDS: Final = (GOODPUT, P99_MS, NEIGHBOUR_P99_MS)
"""Good answers per second at full load, over all requests; p99 of the variant's own request; p99 of the first
neighbour. Each run of the rounds gives one figure, so there is an interval."""
FROM_THE_RAMP: Final = (LOOP_BLOCKED_SHARE, LINE_MS, FAILURES, NEVER_SERVED)
"""Share (0 to 1) of the hold in which the loop was blocked; the longest time in the hold that one step of the loop
spent on one line of the app's own code; bad answers in the whole ramp run; users without any answer when its load
ended."""
FIGURES: Final = (*FROM_ROUNDS, *FROM_THE_RAMP)

BASELINE: Final = "baseline"
"""The limits are ratios to the same figure of the same variant in an earlier session."""


@dataclass(frozen=True)
class RecordedGate:
    """One figure and its limits, for one variant or for every variant.

    The limits are in the figure's unit; with `of`, they are ratios of this session's figure to the earlier one's.
    """

    figure: str  # one of FIGURES
    variant: str | None  # a name; None: every variant
    at_least: float | None
    at_most: float | None
    under: float | None  # like `at_most`, but excluding the limit
    of: str | None  # BASELINE or None

    @property
    def highest(self) -> float | None:
        """The upper limit, included or excluded; None if there is none."""
        return self.at_most if self.under is None else self.under
