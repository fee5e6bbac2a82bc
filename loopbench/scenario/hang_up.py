"""The `hang_up` of a request: clients that disconnect before their answer comes."""

from pydantic import BaseModel, ConfigDict, Field


class HangUp(BaseModel):
    """In `turns` of a request's `weight` turns, the client closes the connection `after_s` seconds after sending.

    Choose `after_s` well below the time the answer takes. A request that is answered at the moment its client
    disconnects is counted by the server only.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    after_s: float = Field(gt=0, le=3_600)
    """Seconds from sending to disconnecting."""
    turns: int = Field(default=1, ge=1, le=100)
    """How many of the `weight` turns disconnect."""
