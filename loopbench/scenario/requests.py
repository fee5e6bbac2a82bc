"""`[[requests]]` and `[[variants]]`: the requests, what is sent for them, and what their answers must be."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.captures import MAX_JSON_BODY_BYTES, MISSING, captured, json_at, json_body
from loopbench.scenario.target import Target, TargetOverrides
from loopbench.scenario.templates import as_text, fill, in_header, in_path, names_in
from loopbench.scenario.values import (
    CAPTURE_PATTERN,
    HIDDEN,
    Headers,
    Name,
    Params,
    Positive,
    Scalar,
    Strict,
    Text,
    UrlPath,
)
from loopbench.secrecy import is_telling

ReceiptKey = Annotated[str, Field(min_length=1, max_length=100)]


class Expect(Strict):
    """What a good answer must be."""

    status: int = Field(default=200, ge=100, le=599)
    """Status of a good answer."""
    json_: Annotated[dict[str, Any], HIDDEN] = Field(default={}, alias="json")
    """Exact values, by key of the JSON body, such as `unit`, or by path, such as `"data.0.id"`.

    Placeholders are not filled in.
    """
    json_min: dict[str, float] = Field(default={})
    """Minimum values of numbers, by key of the JSON body, such as `{ elapsed = 2.0 }`."""
    body_bytes: int | None = Field(default=None, ge=0)
    """Size of the body."""

    def problem(self, status: int, body: bytes) -> str | None:
        """Return what is wrong with an answer in a short phrase, or None. The phrases are error classes, so few."""
        if status != self.status:
            return f"status {status}, expected {self.status}"
        if self.body_bytes is not None and len(body) != self.body_bytes:
            return f"body is not {self.body_bytes} bytes"
        if self.json_ or self.json_min:
            return self._json_problem(body)
        return None

    def _json_problem(self, body: bytes) -> str | None:
        if len(body) > MAX_JSON_BODY_BYTES:
            return f"body is more than {MAX_JSON_BODY_BYTES:,} bytes of JSON"
        answer = json_body(body)
        if answer is MISSING:
            return "body is not JSON"
        if not isinstance(answer, dict | list):
            return "body is not a JSON object"
        for key, value in self.json_.items():
            if json_at(answer, key) != value:
                is_hidden = isinstance(value, str | dict | list) or is_telling(key)
                return f"{key} is not {'the expected value' if is_hidden else repr(value)}"
        for key, least in self.json_min.items():
            if problem := _problem_of_least(json_at(answer, key), least):
                return f"{key} {problem}"
        return None


def _problem_of_least(reached: Any, least: float) -> str:
    if reached is MISSING:
        return "is missing"
    if isinstance(reached, int | float):
        return "" if reached >= least else f"is below {least}"
    kinds: dict[type, str] = {list: "a list", dict: "an object", str: "a text"}
    return f"is {kinds.get(type(reached), 'null')}, not a number"


class PlainRequest(Strict):
    """What is sent, and what its answer must be."""

    name: Text
    """Name in charts and verdicts; unique in the scenario."""
    path: UrlPath
    """Path, beginning with /, and optionally a query. Values of placeholders are percent-encoded."""
    params: Params = Field(default={})
    """Query parameters."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    """HTTP method."""
    headers: Headers = Field(default={})
    """Request headers. Their values are never recorded."""
    json_: Annotated[Any, HIDDEN] = Field(default=None, alias="json")
    """Body, sent as JSON."""
    form: Annotated[dict[str, Scalar], HIDDEN] = Field(default={})
    """Body, sent as an HTML form does (`application/x-www-form-urlencoded`)."""
    body: Annotated[str | None, HIDDEN] = None
    """Body, sent unchanged."""
    body_bytes: int | None = Field(default=None, ge=0, le=100_000_000, validate_default=True)
    """Size of a generated body, in bytes."""
    timeout_s: Positive = 60.0
    """Seconds after which a request without an answer has failed."""
    expect: Expect = Expect()
    """What a good answer must be. Any other answer is a failure, however fast."""

    @field_validator("body_bytes")
    @classmethod
    def _check_body(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Check that only one kind of body is set. The others are known at this last field."""
        absent: dict[str, Any] = {"json_": None, "form": {}, "body": None}
        bodies = {key: info.data.get(key, none) for key, none in absent.items()} | {"body_bytes": value}
        given = [key.strip("_") for key, each in bodies.items() if each != absent.get(key)]
        if len(given) > 1:
            raise PydanticCustomError("one_body", "{given} exclude each other", {"given": " and ".join(given)})
        return value

    @property
    def request_target(self) -> str:
        """Path and query as sent over the wire."""
        query = _encoded(self.params)
        joint = "&" if "?" in self.path else "?"
        return f"{self.path}{joint}{query}" if query else self.path

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers, with the type of a JSON body or a form."""
        kind = "application/json" if self.json_ is not None else "application/x-www-form-urlencoded"
        return ({"Content-Type": kind} if self.json_ is not None or self.form else {}) | self.headers

    @property
    def sent_body(self) -> bytes:
        """The body; empty if there is none."""
        if self.json_ is not None:
            return json.dumps(self.json_).encode()
        if self.form:
            return _encoded(self.form).encode()
        return b"x" * (self.body_bytes or 0) if self.body is None else self.body.encode()

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the values that it needs, those of environment variables with a $."""
        return frozenset(names_in([self.path, self.headers, self.params, self.json_, self.form]))

    @property
    def variables(self) -> list[str]:
        """Names of the environment variables that it needs, without the $."""
        return sorted(name[1:] for name in self.placeholders if name.startswith("$"))

    def filled(self, values: Mapping[str, Any]) -> Self:
        """Return it as it is sent with these values."""
        headers = {name: fill(value, values, in_header) for name, value in self.headers.items()}
        update = {"path": fill(self.path, values, in_path), "headers": headers}
        update |= {key: fill(getattr(self, key), values) for key in ("params", "json_", "form")}
        return self.model_copy(update=update)


def _encoded(pairs: Mapping[str, Scalar]) -> str:
    return urlencode({key: as_text(value) for key, value in pairs.items()}, safe="*")


class HangUp(Strict):
    """In `turns` of a request's `weight` turns, the client closes the connection `after_s` seconds after sending.

    Choose `after_s` well below the time the answer takes. A request that is answered at the moment its client
    disconnects is counted by the server only.
    """

    after_s: float = Field(gt=0, le=3_600)
    """Seconds from sending to disconnecting."""
    turns: int = Field(default=1, ge=1, le=100)
    """How many of the `weight` turns disconnect."""


class Request(PlainRequest):
    """One request: a neighbour, or the request of a variant.

    Texts in `path`, `params`, `headers`, `json` and `form` may hold placeholders: `{NAME}` for a captured value or a
    value of `[data]`, `{unique}` for a number that is never used twice, and `${NAME}` for an environment variable.
    Captured values and those of variables are never recorded.
    """

    weight: int = Field(default=1, ge=1, le=100)
    """How often a user sends this request in each round of requests."""
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


class Before(PlainRequest):
    """A request that is sent before the load, such as a login. They are sent in the order of the file."""

    per: Literal["run", "user"] = "run"
    """`run`: sent once, when the target is ready. `user`: sent by every user when it starts."""
    capture: dict[Name, Annotated[str, Field(pattern=CAPTURE_PATTERN)]] = Field(default={})
    """Values of the answer for later placeholders, such as `{ token = "json:access_token" }`."""

    def captured(self, headers: Sequence[tuple[str, str]], body: bytes) -> dict[str, Scalar]:
        """Return the values that an answer has; what it does not have is left out."""
        return captured(self.capture, headers, body)


class Published(Strict):
    """Figures that the source published for a variant."""

    rps: float | None = Field(default=None, gt=0)
    """Published requests per second."""


class Receipt(Strict):
    """A path where the target reports the results of its work, as a flat JSON object of counts.

    With `until` it is requested repeatedly until these keys have these values, for at most `wait_s` seconds. Work that
    continues after the answers (background jobs, a queue) takes time, and that time is the result.
    """

    path: UrlPath
    """Path for a GET request; the answer is a flat JSON object of counts."""
    until: dict[ReceiptKey, Scalar] = Field(default={}, max_length=16)
    """Keys and the values that they must reach."""
    wait_s: float = Field(default=30.0, gt=0, le=600)
    """Maximum wait for these values, in seconds."""


Style = Literal["threadpool", "event_loop"]


class Variant(Request):
    """One way to do the work. With `load.locustfile` it has no request of its own, but users or target settings."""

    path: UrlPath = "/"
    """Path, beginning with /, and optionally a query; needed without `load.locustfile`."""
    user_classes: list[str] = Field(default=[], max_length=64)
    """With `load.locustfile`: its user classes for this variant."""
    run_in: Style | None = None
    """Where the endpoint runs, without a change to the app: `async def` in a thread, or plain `def` on the loop."""
    run_dependencies_in: Style | None = None
    """The same for the dependencies of the endpoint."""
    target: TargetOverrides = TargetOverrides()
    """Target settings that differ for this variant."""
    published: Published = Published()
    """Figures that the source published, shown next to the measured ones."""
    receipt: Receipt | None = None
    """Request for the target's results after the load."""

    _slug: str = PrivateAttr()
    _served: Target = PrivateAttr()

    @property
    def slug(self) -> str:
        """Its name in paths: `[a-z0-9-]`, at most 40 characters, unique in the scenario."""
        return self._slug

    @property
    def is_moved(self) -> bool:
        """Whether its calls run in another style than the app's."""
        return self.run_in is not None or self.run_dependencies_in is not None

    @property
    def moves(self) -> str:
        """Where its calls run instead of as written, with the scenario's own keys; empty if nothing is moved."""
        styles = {"run_in": self.run_in, "run_dependencies_in": self.run_dependencies_in}
        return ", ".join(f"{key} {style}" for key, style in styles.items() if style)

    @property
    def moved_route(self) -> tuple[str, ...]:
        """What decides whose calls are moved, and where; empty if none are."""
        return (self.method, self.path, self.run_in or "", self.run_dependencies_in or "") if self.is_moved else ()

    @property
    def served(self) -> Target:
        """How its app is served: the scenario's target with this variant's overrides."""
        return self._served
