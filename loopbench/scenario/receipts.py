"""The `receipt` of a variant: what the target is asked after the load, when users no longer can tell."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RECEIPT_PATH_PATTERN = r"^/[!-~]*$"  # as any request's path

Key = Annotated[str, Field(min_length=1, max_length=100)]


class Receipt(BaseModel):
    """Where the target says what came of the work: a flat JSON object of counts.

    With `until` it is asked again and again until these keys have these values, at most `wait_s` seconds long: work
    that goes on behind the answers (background jobs, a queue) takes its time, and that time is the result.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    path: str = Field(pattern=RECEIPT_PATH_PATTERN, max_length=2_000)
    """Asked with GET; answers with a flat JSON object of counts."""
    until: dict[Key, str | int | float | bool] = Field(default={}, max_length=16)
    """Keys and the values they must come to."""
    wait_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds at most until then."""
