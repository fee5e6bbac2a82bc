"""The keys of `[[expect]]`, which set limits for figures, and their combined checks."""

from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import Strict

GOODPUT: Final = "goodput"
P99_MS: Final = "p99_ms"
NEIGHBOUR_P99_MS: Final = "neighbour_p99_ms"
LOOP_BLOCKED_SHARE: Final = "loop_blocked_share"
LINE_MS: Final = "line_ms"
LOOP_LAG_MS: Final = "loop_lag_ms"
RSS_MB: Final = "rss_mb"
FAILURES: Final = "failures"
NEVER_SERVED: Final = "never_served"

FROM_ROUNDS: Final = (GOODPUT, P99_MS, NEIGHBOUR_P99_MS)
"""Good answers per second at full load, over all requests; p99 of the variant's own request; p99 of the first
neighbour. Each run of the rounds gives one figure, so there is an interval."""
FROM_THE_RAMP: Final = (LOOP_BLOCKED_SHARE, LINE_MS, LOOP_LAG_MS, RSS_MB, FAILURES, NEVER_SERVED)
"""Share (0 to 1) of the hold in which the loop was blocked; the longest time in the hold that one step of the loop
spent on one line of the app's own code; the longest lag of the loop and the most resident memory in the hold; bad
answers in the whole ramp run; users without any answer when its load ended."""
FIGURES: Final = (*FROM_ROUNDS, *FROM_THE_RAMP)


class Gate(Strict):
    """One figure and its limits, for one variant or, without `variant`, for every variant.

    With `of = "baseline"` the limits are ratios to the same figure of the session that `--baseline` names.
    """

    figure: Literal[
        "goodput",
        "p99_ms",
        "neighbour_p99_ms",
        "loop_blocked_share",
        "line_ms",
        "loop_lag_ms",
        "rss_mb",
        "failures",
        "never_served",
    ] = Field(
        description="goodput: good answers per second at full load; p99_ms: p99 of the variant's own request; "
        "neighbour_p99_ms: p99 of the first neighbour; loop_blocked_share: share of the hold (0 to 1) in which the "
        "loop was blocked; line_ms: longest time that one line of the app's own code blocked the loop; loop_lag_ms: "
        "longest delay of a callback on the loop; rss_mb: most resident memory of the target; failures: bad answers; "
        "never_served: users without any answer."
    )
    variant: str | None = Field(default=None, description="A variant's name; every variant if absent.")
    at_least: float | None = Field(default=None, ge=0, description="Lower limit, included.")
    at_most: float | None = Field(default=None, ge=0, description="Upper limit, included.")
    under: float | None = Field(default=None, gt=0, description="Upper limit, excluded.")
    of: Literal["baseline"] | None = Field(
        default=None, description="The limits are ratios to the same figure of the session given with --baseline."
    )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if self.at_most is not None and self.under is not None:
            raise PydanticCustomError("limits", "`at_most` and `under` both end the range: give one of them")
        highest = self.highest
        if self.at_least is None and highest is None:
            raise PydanticCustomError("limits", "a gate takes `at_least`, `at_most` or `under`")
        if self.at_least is not None and highest is not None and self.at_least > highest:
            raise PydanticCustomError("limits", "no value is at least `at_least` and below the upper limit")
        if self.of is not None and self.figure not in FROM_ROUNDS:
            context = {"figures": ", ".join(FROM_ROUNDS)}
            raise PydanticCustomError("limits", "only {figures} can be compared with a baseline session", context)
        if self.figure == LOOP_BLOCKED_SHARE and max(self.at_least or 0.0, highest or 0.0) > 1:
            raise PydanticCustomError("limits", "a share lies between 0 and 1: 5 % is 0.05")
        return self

    @property
    def highest(self) -> float | None:
        """The upper limit, included or excluded; None if there is none."""
        return self.at_most if self.under is None else self.under


def check_gates(gates: Sequence[Gate], variants: Sequence[str], *, has_neighbour: bool) -> None:
    """Check the gates against the scenario's variants and neighbours.

    Raises:
        PydanticCustomError: a gate names an unknown variant, or needs a neighbour and there is none.
    """
    unknown = next((gate.variant for gate in gates if gate.variant is not None and gate.variant not in variants), None)
    if unknown is not None:
        context = {"name": repr(unknown), "names": ", ".join(variants)}
        raise PydanticCustomError("gate", "{name} is none of the variants: {names}", context)
    if not has_neighbour and any(gate.figure == NEIGHBOUR_P99_MS for gate in gates):
        raise PydanticCustomError("gate", "neighbour_p99_ms needs a neighbour: a [[requests]] table")
