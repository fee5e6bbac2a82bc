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
    json_: dict[str, Any] = Field(default={}, alias="json")
    json_min: dict[str, float] = Field(default={})
    body_bytes: int | None = Field(default=None, ge=0)


class Request(Strict):
    """One request: a neighbour, or what a variant asks."""

    name: Text
    path: UrlPath
    params: dict[str, Scalar] = Field(default={})
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    headers: Headers = Field(default={})
    json_: Any = Field(default=None, alias="json")
    body: str | None = None
    body_bytes: int | None = Field(default=None, ge=0, le=100_000_000, validate_default=True)
    timeout_s: Positive = 60.0
    weight: int = Field(default=1, ge=1, le=100)
    expect: Expect = Expect()
    hang_up: HangUp | None = None

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


class Variant(Request):
    """One way to do the work."""

    target: TargetOverrides = TargetOverrides()
    published: Published = Published()
    receipt: Receipt | None = None
