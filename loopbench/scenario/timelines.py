"""The `[[timelines]]` of a scenario: a few requests sent at once, to see which waits for which."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_REQUESTS: Final = 16
"""More bars are not readable, and so few connections are far below any server's backlog."""


class Timeline(BaseModel):
    """Requests sent at once, in this order, each on a new connection.

    Each is a path with its query (`/slow?seconds=1`, sent with GET) or the name of a request or variant of the
    scenario. A request may be listed several times. The target runs with the settings of `[target]`.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    name: str = Field(min_length=1, max_length=60)
    """Name; unique among variants and timelines."""
    requests: list[Annotated[str, Field(min_length=1, max_length=2_000)]] = Field(min_length=1, max_length=MAX_REQUESTS)
    """Paths, or names of requests and variants, in sending order."""
