"""What a scenario expects: the keys of `[[expect]]`, and what may not be said together."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from loopbench.records.gates import FROM_ROUNDS, LOOP_BLOCKED_SHARE, NEIGHBOUR_P99_MS, RecordedGate


class Gate(BaseModel):
    """One figure and the limits it must keep; without `variant`, under every variant.

    `of = "baseline"` makes the limits ratios to the same figure of the session that `--baseline` names.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    figure: Literal[
        "goodput", "p99_ms", "neighbour_p99_ms", "loop_blocked_share", "line_ms", "failures", "never_served"
    ] = Field(
        description="goodput: good answers a second at full load; p99_ms: of the variant's own request; "
        "neighbour_p99_ms: of the first neighbour's; loop_blocked_share: part of the hold (0 to 1) in which the loop "
        "was blocked; line_ms: longest single blocking by a line of the app's own code; failures: bad answers; "
        "never_served: users without any answer."
    )
    variant: str | None = Field(default=None, description="A variant's name; every variant if absent.")
    at_least: float | None = Field(default=None, ge=0, description="The lowest that is met.")
    at_most: float | None = Field(default=None, ge=0, description="The highest that is met.")
    under: float | None = Field(default=None, gt=0, description="Met below this, not at it.")
    of: Literal["baseline"] | None = Field(
        default=None, description="The limits are ratios to the same figure in the session given with --baseline."
    )

    @model_validator(mode="after")
    def _has_limits_that_can_be_kept(self) -> Self:
        if self.at_most is not None and self.under is not None:
            raise PydanticCustomError("limits", "`at_most` and `under` both end the range: say one of them")
        highest = self.at_most if self.under is None else self.under
        if self.at_least is None and highest is None:
            raise PydanticCustomError("limits", "a gate takes `at_least`, `at_most` or `under`")
        if self.at_least is not None and highest is not None and self.at_least > highest:
            raise PydanticCustomError("limits", "nothing is at least `at_least` and below the upper limit")
        if self.of is not None and self.figure not in FROM_ROUNDS:
            context = {"figures": ", ".join(FROM_ROUNDS)}
            raise PydanticCustomError("limits", "only {figures} are held against a baseline session", context)
        if self.figure == LOOP_BLOCKED_SHARE and max(self.at_least or 0.0, highest or 0.0) > 1:
            raise PydanticCustomError("limits", "a share lies between 0 and 1: 5 % is 0.05")
        return self

    def recorded(self) -> RecordedGate:
        """As the session keeps it."""
        return RecordedGate(**self.model_dump())


def check_gates(gates: Sequence[Gate], variants: Sequence[str], *, has_neighbour: bool) -> None:
    """What one gate alone cannot know.

    Raises:
        PydanticCustomError: a gate names no variant of the scenario, or a neighbour where there is none.
    """
    unknown = next((gate.variant for gate in gates if gate.variant is not None and gate.variant not in variants), None)
    if unknown is not None:
        context = {"name": repr(unknown), "names": ", ".join(variants)}
        raise PydanticCustomError("gate", "{name} is none of the variants: {names}", context)
    if not has_neighbour and any(gate.figure == NEIGHBOUR_P99_MS for gate in gates):
        raise PydanticCustomError("gate", "neighbour_p99_ms needs a neighbour: a [[requests]] table")
