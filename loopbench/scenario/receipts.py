"""The `receipt` of a variant: a request after the load for results that users cannot see."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RECEIPT_PATH_PATTERN = r"^/[!-~]*$"  # as any request's path

Key = Annotated[str, Field(min_length=1, max_length=100)]


class Receipt(BaseModel):
    """A path where the target reports the results of its work, as a flat JSON object of counts.

    With `until` it is requested repeatedly until these keys have these values, for at most `wait_s` seconds. Work that
    continues after the answers (background jobs, a queue) takes time, and that time is the result.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    path: str = Field(pattern=RECEIPT_PATH_PATTERN, max_length=2_000)
    """Path for a GET request; the answer is a flat JSON object of counts."""
    until: dict[Key, str | int | float | bool] = Field(default={}, max_length=16)
    """Keys and the values that they must reach."""
    wait_s: float = Field(default=30.0, gt=0, le=600)
    """Maximum wait for these values, in seconds."""
