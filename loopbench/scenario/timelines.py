"""The `[[timelines]]` of a scenario: a few requests at once, to see who waits for whom."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_REQUESTS: Final = 16
"""More bars than that nobody reads; that many connections are far below any server's backlog."""


class Timeline(BaseModel):
    """Requests sent at once, in this order, each on a fresh connection.

    Each is a path with its query (`/slow?seconds=1`, asked with GET), or the name of one of the scenario's requests or
    variants. The same may be there several times. They meet the target as `[target]` sets it.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    name: str = Field(min_length=1, max_length=60)
    """What it is called; unique among variants and timelines."""
    requests: list[Annotated[str, Field(min_length=1, max_length=2_000)]] = Field(min_length=1, max_length=MAX_REQUESTS)
    """Paths, or names of requests and variants, in the order in which they are sent."""
