"""`[[requests]]` and `[[variants]]`: what is asked, and what a right answer looks like."""

from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.hang_up import HangUp
from loopbench.scenario.receipts import Receipt
from loopbench.scenario.target import TargetOverrides
from loopbench.scenario.values import Headers, Positive, Scalar, Strict, Text, UrlPath


class Expect(Strict):
    """What a right answer looks like."""

    status: int = Field(default=200, ge=100, le=599)
    """Status of a good answer."""
    json_: dict[str, Any] = Field(default={}, alias="json")
    """Values that must be equal, by key of the JSON body."""
    json_min: dict[str, float] = Field(default={})
    """Values that must be reached, by key of the JSON body: `{ elapsed = 2.0 }`."""
    body_bytes: int | None = Field(default=None, ge=0)
    """Size of the body."""


class Request(Strict):
    """One request: a neighbour, or what a variant asks."""

    name: Text
    """What it is called in charts and verdicts; unique in the scenario."""
    path: UrlPath
    """Begins with /; a query may follow."""
    params: dict[str, Scalar] = Field(default={})
    """Query parameters."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    """HTTP method."""
    headers: Headers = Field(default={})
    """Request headers. Their values are never written down."""
    json_: Any = Field(default=None, alias="json")
    """Body, sent as JSON."""
    body: str | None = None
    """Body, sent as it stands."""
    body_bytes: int | None = Field(default=None, ge=0, le=100_000_000, validate_default=True)
    """A body of so many bytes."""
    timeout_s: Positive = 60.0
    """Seconds after which an answer counts as failed."""
    weight: int = Field(default=1, ge=1, le=100)
    """Turns of a user's round that go to this request."""
    expect: Expect = Expect()
    """What a good answer looks like: anything else is a failure, not a fast answer."""
    hang_up: HangUp | None = None
    """Clients that leave before their answer comes."""

    @field_validator("hang_up")
    @classmethod
    def _leaves_within_its_turns(cls, value: HangUp | None, info: ValidationInfo) -> HangUp | None:
        weight = info.data.get("weight")
        if value is not None and weight is not None and value.turns > weight:
            context = {"turns": value.turns, "weight": weight}
            raise PydanticCustomError("turns", "{turns} hang-ups in only {weight} turns: raise `weight`", context)
        return value

    @field_validator("body_bytes")
    @classmethod
    def _has_one_body(cls, value: int | None, info: ValidationInfo) -> int | None:
        """`json`, `body` and `body_bytes` exclude each other (checked on the last of them, with the others at hand)."""
        given = [key for key in ("json", "body") if info.data.get(key.replace("json", "json_")) is not None]
        given += ["body_bytes"] if value is not None else []
        if len(given) > 1:
            raise PydanticCustomError("one_body", "{given} exclude each other", {"given": " and ".join(given)})
        return value

    @property
    def request_target(self) -> str:
        """Path and query as they go over the wire."""
        query = urlencode(
            {key: str(value).lower() if isinstance(value, bool) else value for key, value in self.params.items()}
        )
        joint = "&" if "?" in self.path else "?"
        return f"{self.path}{joint}{query}" if query else self.path


class Published(Strict):
    """What the source claims for a variant."""

    rps: float | None = Field(default=None, gt=0)
    """Requests per second, as the source has it."""


class Variant(Request):
    """One way to do the work."""

    target: TargetOverrides = TargetOverrides()
    """Settings of the target that differ for this variant."""
    published: Published = Published()
    """What the source claims, shown beside what is measured."""
    receipt: Receipt | None = None
    """What the target is asked when the load is over."""
