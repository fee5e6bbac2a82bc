"""`[[requests]]` and `[[variants]]`: the requests, and what their answers must be."""

from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.hang_up import HangUp
from loopbench.scenario.receipts import Receipt
from loopbench.scenario.target import TargetOverrides
from loopbench.scenario.values import Headers, Positive, Scalar, Strict, Text, UrlPath


class Expect(Strict):
    """What a good answer must be."""

    status: int = Field(default=200, ge=100, le=599)
    """Status of a good answer."""
    json_: dict[str, Any] = Field(default={}, alias="json")
    """Exact values, by key of the JSON body."""
    json_min: dict[str, float] = Field(default={})
    """Minimum values, by key of the JSON body, such as `{ elapsed = 2.0 }`."""
    body_bytes: int | None = Field(default=None, ge=0)
    """Size of the body."""


class Request(Strict):
    """One request: a neighbour, or the request of a variant."""

    name: Text
    """Name in charts and verdicts; unique in the scenario."""
    path: UrlPath
    """Path, beginning with /, and optionally a query."""
    params: dict[str, Scalar] = Field(default={})
    """Query parameters."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    """HTTP method."""
    headers: Headers = Field(default={})
    """Request headers. Their values are never recorded."""
    json_: Any = Field(default=None, alias="json")
    """Body, sent as JSON."""
    body: str | None = None
    """Body, sent unchanged."""
    body_bytes: int | None = Field(default=None, ge=0, le=100_000_000, validate_default=True)
    """Size of a generated body, in bytes."""
    timeout_s: Positive = 60.0
    """Seconds after which a request without an answer has failed."""
    weight: int = Field(default=1, ge=1, le=100)
    """How often a user sends this request in each round of requests."""
    expect: Expect = Expect()
    """What a good answer must be. Any other answer is a failure, however fast."""
    hang_up: HangUp | None = None
    """Clients that disconnect before their answer comes."""

    @field_validator("hang_up")
    @classmethod
    def _check_hang_up(cls, value: HangUp | None, info: ValidationInfo) -> HangUp | None:
        weight = info.data.get("weight")
        if value is not None and weight is not None and value.turns > weight:
            context = {"turns": value.turns, "weight": weight}
            raise PydanticCustomError("turns", "{turns} hang-ups in only {weight} turns: raise `weight`", context)
        return value

    @field_validator("body_bytes")
    @classmethod
    def _check_body(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Check that only one of `json`, `body` and `body_bytes` is set. The others are known at this last field."""
        given = [key for key in ("json", "body") if info.data.get(key.replace("json", "json_")) is not None]
        given += ["body_bytes"] if value is not None else []
        if len(given) > 1:
            raise PydanticCustomError("one_body", "{given} exclude each other", {"given": " and ".join(given)})
        return value

    @property
    def request_target(self) -> str:
        """Path and query as sent over the wire."""
        query = urlencode(
            {key: str(value).lower() if isinstance(value, bool) else value for key, value in self.params.items()}
        )
        joint = "&" if "?" in self.path else "?"
        return f"{self.path}{joint}{query}" if query else self.path


class Published(Strict):
    """Figures that the source published for a variant."""

    rps: float | None = Field(default=None, gt=0)
    """Published requests per second."""


class Variant(Request):
    """One way to do the work."""

    target: TargetOverrides = TargetOverrides()
    """Target settings that differ for this variant."""
    published: Published = Published()
    """Figures that the source published, shown next to the measured ones."""
    receipt: Receipt | None = None
    """Request for the target's results after the load."""
