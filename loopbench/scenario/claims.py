"""The keys of `[[claims]]`, which record what a scenario's source claims, and their combined checks."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from loopbench.records.claims import ABOUT, QUANTITIES, RECEIPT_PREFIX, RecordedClaim

ID_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
COMPARE_PATTERN = rf"^({'|'.join(QUANTITIES)}|{RECEIPT_PREFIX}[A-Za-z0-9_]+)$"
CLAIM_PATTERNS = {
    ID_PATTERN: "small letters, digits and -",
    COMPARE_PATTERN: f"{', '.join(QUANTITIES)} or {RECEIPT_PREFIX}KEY",
}

Text = Annotated[str, Field(min_length=1, max_length=500)]


class Claim(BaseModel):
    """One sentence of a source that this scenario can answer.

    `higher` and `lower` claim a direction. With `within` they also claim a figure: at least (at most) `ratio`, with
    `within` as tolerance. `about` claims the figure itself: `ratio` (1 if absent) plus or minus `within` (0.1 if
    absent). Without `b` the figure is `value`, in the unit of the quantity.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    id: str = Field(pattern=ID_PATTERN, max_length=60)
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

    @model_validator(mode="after")
    def _check_comparison(self) -> Self:
        if (self.b is None) == (self.value is None):
            raise PydanticCustomError("one_side", "a claim compares `a` with either `b` or a `value`")
        if self.b == self.a:
            raise PydanticCustomError("one_side", "a claim cannot compare a variant with itself")
        if self.within is not None and self.ratio is None and self.value is None and self.expect != ABOUT:
            raise PydanticCustomError("no_figure", "`within` needs the published `ratio` it is measured from")
        return self

    def recorded(self) -> RecordedClaim:
        """Return the claim as the session records it."""
        return RecordedClaim(**self.model_dump())
