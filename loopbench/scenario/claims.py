"""The keys of `[[claims]]`, which record what a scenario's source claims, and their combined checks."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import CLAIM_ID_PATTERN, COMPARE_PATTERN, Strict

GOODPUT: Final = "goodput"
P50: Final = "p50"
P99: Final = "p99"
NEIGHBOUR_P50: Final = "neighbour_p50"
NEIGHBOUR_P99: Final = "neighbour_p99"
"""Compared quantities: good answers per second; milliseconds of the variant's own request or of its neighbours."""

IN_MS: Final = frozenset({P50, P99, NEIGHBOUR_P50, NEIGHBOUR_P99})

RECEIPT_PREFIX: Final = "receipt:"
"""Prefix of a key of the receipt, the JSON object that the target returns after the load."""

HIGHER: Final = "higher"
LOWER: Final = "lower"
ABOUT: Final = "about"

Text = Annotated[str, Field(min_length=1, max_length=1_000)]


class Claim(Strict):
    """One sentence of a source that this scenario can answer.

    `higher` and `lower` claim a direction. With `within` they also claim a figure: at least (at most) `ratio`, with
    `within` as tolerance. `about` claims the figure itself: `ratio` (1 if absent) plus or minus `within` (0.1 if
    absent). Without `b` the figure is `value`, in the unit of the quantity.
    """

    id: str = Field(pattern=CLAIM_ID_PATTERN, max_length=60)
    """The claim's name in reports and in docs/claims.md."""
    text: Text
    """The claim, in one sentence."""
    where: Text
    """The source, and the place in it."""
    compare: str = Field(pattern=COMPARE_PATTERN, max_length=100)
    """The compared quantity, or `receipt:KEY`."""
    a: str
    """The variant (or timeline) that the claim is about."""
    b: str | None = None
    """The variant it is compared with."""
    value: float | None = Field(default=None, ge=0)
    """A figure to compare with instead of `b`, in the unit of the quantity."""
    expect: Literal["higher", "lower", "about"]
    """What is claimed about `a`."""
    ratio: float | None = Field(default=None, gt=0)
    """The published ratio of `a` to `b`."""
    within: float | None = Field(default=None, ge=0, le=10)
    """Tolerance of the figure, as a share."""
    otherwise: str = Field(default="", max_length=1_000)
    """Why the claim may not be reproduced, and what would reproduce it; shown with that answer."""

    @model_validator(mode="after")
    def _check_comparison(self) -> Self:
        if (self.b is None) == (self.value is None):
            raise PydanticCustomError("one_side", "a claim compares `a` with either `b` or a `value`")
        if self.b == self.a:
            raise PydanticCustomError("one_side", "a claim cannot compare a variant with itself")
        if self.within is not None and self.ratio is None and self.value is None and self.expect != ABOUT:
            raise PydanticCustomError("no_figure", "`within` needs the published `ratio` it is measured from")
        return self

    @property
    def receipt_key(self) -> str | None:
        """The receipt's key that it is about; None if it is about a quantity of the load."""
        return self.compare.removeprefix(RECEIPT_PREFIX) if self.compare.startswith(RECEIPT_PREFIX) else None
