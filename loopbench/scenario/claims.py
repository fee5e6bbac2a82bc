"""What a scenario's source claims: the keys of `[[claims]]` and what may not be said together."""

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

    `higher` and `lower` claim a direction. With `within` they also claim the figure: at least (at most) `ratio`, less
    the tolerance. `about` claims the figure itself: `ratio` (1 if absent) give or take `within` (0.1 if absent).
    Without `b` the figure is `value`, in the quantity's own unit.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    id: str = Field(pattern=ID_PATTERN, max_length=60)
    """Its name in reports and in docs/claims.md."""
    text: Text
    """What the source says."""
    where: Text
    """Where the source says it."""
    compare: str = Field(pattern=COMPARE_PATTERN, max_length=100)
    """What is compared: a quantity, or `receipt:KEY`."""
    a: str
    """The variant (or timeline) the claim is about."""
    b: str | None = None
    """The variant it is held against."""
    value: float | None = Field(default=None, ge=0)
    """A figure it is held against, instead of `b`, in the quantity's own unit."""
    expect: Literal["higher", "lower", "about"]
    """What is claimed of `a`."""
    ratio: float | None = Field(default=None, gt=0)
    """The published ratio of `a` to the other."""
    within: float | None = Field(default=None, ge=0, le=10)
    """How far the figure may be off, as a share."""

    @model_validator(mode="after")
    def _is_against_one_thing(self) -> Self:
        if (self.b is None) == (self.value is None):
            raise PydanticCustomError("one_side", "a claim holds `a` against either `b` or a `value`")
        if self.b == self.a:
            raise PydanticCustomError("one_side", "a claim cannot hold a variant against itself")
        if self.within is not None and self.ratio is None and self.value is None and self.expect != ABOUT:
            raise PydanticCustomError("no_figure", "`within` needs the published `ratio` it is measured from")
        return self

    def recorded(self) -> RecordedClaim:
        """As the session keeps it."""
        return RecordedClaim(**self.model_dump())
