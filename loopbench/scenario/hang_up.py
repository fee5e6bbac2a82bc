"""The `hang_up` of a request: clients that go before their answer comes."""

from pydantic import BaseModel, ConfigDict, Field


class HangUp(BaseModel):
    """Of a request's `weight` turns, these many close the connection `after_s` seconds after sending.

    Choose `after_s` well below the time the answer takes: a request that is answered in the very moment its client
    goes is counted by the server and by nobody else.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    after_s: float = Field(gt=0, le=3_600)
    """Seconds from sending to leaving."""
    turns: int = Field(default=1, ge=1, le=100)
    """How many of its `weight` turns leave."""
