"""What a scenario may hold: keys, types, limits and defaults. The one place that checks them."""

import itertools
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

MAX_USERS = 10_000
MAX_SECONDS = 3_600.0
MAX_VARIANTS = 64

APP_PATTERN = r"^[\w.]+:[\w.]+$"
PATH_PATTERN = r"^/[!-~]*$"
HEADER_NAME_PATTERN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # RFC 9110, section 5.6.2
HEADER_VALUE_PATTERN = r"^[\t -~]*$"
ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
ENV_VALUE_PATTERN = r"^[^\x00]*$"
PATTERN_MEANINGS = {
    APP_PATTERN: "module:attribute, as in main:app",
    PATH_PATTERN: "begins with /, the rest ASCII without spaces (percent-encode what is not)",
    HEADER_NAME_PATTERN: "a header's name: letters, digits and -",
    HEADER_VALUE_PATTERN: "a header's value: one line of printable ASCII",
    ENV_NAME_PATTERN: "a variable's name: letters, digits and _",
    ENV_VALUE_PATTERN: "any text without a NUL",
}

Text = Annotated[str, Field(min_length=1, max_length=300)]
Headers = dict[Annotated[str, Field(pattern=HEADER_NAME_PATTERN)], Annotated[str, Field(pattern=HEADER_VALUE_PATTERN)]]
Environment = dict[Annotated[str, Field(pattern=ENV_NAME_PATTERN)], Annotated[str, Field(pattern=ENV_VALUE_PATTERN)]]
UrlPath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=2_000)]
Positive = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
Scalar = str | int | float | bool


def _as_range(value: Any) -> Any:
    """A single number is the range from itself to itself."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _is_ascending(value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    if low > high:
        raise PydanticCustomError("range", "the range goes from {low} down to {high}", {"low": low, "high": high})
    return value


Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
ThinkTime = Annotated[tuple[Seconds, Seconds], BeforeValidator(_as_range), AfterValidator(_is_ascending)]


class Strict(BaseModel):
    """Unknown keys, wrong types, infinities and NaN are mistakes; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class TargetOverrides(Strict):
    """Settings a variant may change; every one that is absent comes from `[target]`."""

    app: str | None = Field(default=None, pattern=APP_PATTERN)
    app_dir: str | None = None
    workers: int | None = Field(default=None, ge=1, le=64)
    loop: Literal["asyncio", "uvloop"] | None = None
    http: Literal["h11", "httptools"] | None = None
    thread_tokens: int | None = Field(default=None, ge=1, le=10_000)
    env: Environment | None = None
    python: str | None = None


class Target(Strict):
    """The app under test and how uvicorn serves it."""

    app: str = Field(pattern=APP_PATTERN)
    app_dir: str = "."
    workers: int = Field(default=1, ge=1, le=64)
    loop: Literal["asyncio", "uvloop"] = "uvloop"
    http: Literal["h11", "httptools"] = "httptools"
    thread_tokens: int = Field(default=40, ge=1, le=10_000)
    env: Environment = {}
    python: str | None = None
    ready_s: Positive = 30.0

    def merged(self, overrides: TargetOverrides) -> "Target":
        """These settings with a variant's own on top; `env` is merged name by name."""
        own = overrides.model_dump(exclude_none=True)
        own["env"] = {**self.env, **own.get("env", {})}
        return self.model_copy(update=own)


class Load(Strict):
    """How many users, how fast they come, how long they stay."""

    users: int = Field(default=100, ge=1, le=MAX_USERS)
    spawn_rate: float = Field(default=1.0, gt=0, le=1_000)
    hold_s: Positive = 20.0
    warmup_s: Seconds = 2.0
    think_time_s: ThinkTime = (0.0, 0.0)
    drain_s: Positive = 30.0
    user: Literal["llhttp", "fast", "http"] = "llhttp"

    @field_validator("spawn_rate")
    @classmethod
    def _ends_some_day(cls, value: float, info: ValidationInfo) -> float:
        ramp_s = (info.data.get("users", 1) - 1) / value
        if ramp_s > MAX_SECONDS:
            context = {"users": info.data["users"], "limit": MAX_SECONDS}
            raise PydanticCustomError("long", "{users} users would take longer than {limit} s to come", context)
        return value

    @property
    def ramp_s(self) -> float:
        """Seconds from the first user to the last."""
        return (self.users - 1) / self.spawn_rate


class Repeat(Strict):
    """When enough rounds have been measured."""

    precision: float = Field(default=0.05, gt=0, le=1)
    max_rounds: int = Field(default=12, ge=1, le=100)


class Expect(Strict):
    """What a right answer looks like."""

    status: int = Field(default=200, ge=100, le=599)
    json_: dict[str, Any] = Field(default={}, alias="json")
    json_min: dict[str, float] = {}
    body_bytes: int | None = Field(default=None, ge=0)


class Request(Strict):
    """One request: a neighbour, or what a variant asks."""

    name: Text
    path: UrlPath
    params: dict[str, Scalar] = {}
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    headers: Headers = {}
    json_: Any = Field(default=None, alias="json")
    body: str | None = None
    body_bytes: int | None = Field(default=None, ge=0, le=100_000_000, validate_default=True)
    timeout_s: Positive = 60.0
    weight: int = Field(default=1, ge=1, le=100)
    expect: Expect = Expect()

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


class Scenario(Strict):
    """A whole scenario, checked."""

    title: Text
    question: Text
    source: str = Field(default="", max_length=1_000)
    target: Target
    load: Load = Load()
    repeat: Repeat = Repeat()
    requests: list[Request] = Field(default=[], max_length=32)
    variants: list[Variant] = Field(min_length=1, max_length=MAX_VARIANTS)

    _file: Path = PrivateAttr()
    _slugs: tuple[str, ...] = PrivateAttr()

    @field_validator("variants")
    @classmethod
    def _have_names_of_their_own(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        taken = {request.name for request in info.data.get("requests", [])}
        for index, variant in enumerate(variants):
            if variant.name in taken:
                context = {"name": repr(variant.name), "index": index}
                raise PydanticCustomError("unique", "two requests or variants are called {name}", context)
            taken.add(variant.name)
        return variants

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        """Keep the file: paths are relative to it."""
        context: dict[str, Path] = info.context or {}
        self._file = context["file"]
        self._slugs = slugs([variant.name for variant in self.variants])
        return self

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._file

    @property
    def name(self) -> str:
        """Name of its folder under `results/`."""
        return slugs([self._file.stem])[0]

    def slug(self, index: int) -> str:
        """Name of a variant in paths: `[a-z0-9-]`, at most 40 characters, unique in the scenario."""
        return self._slugs[index]

    def target_of(self, variant: Variant) -> Target:
        """The target's settings for one variant."""
        return self.target.merged(variant.target)


def slugs(names: list[str]) -> tuple[str, ...]:
    """Short names safe in any path, in the order given; equal ones get a number."""
    result: list[str] = []
    for name in names:
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:36].strip("-") or "x"
        numbered = (f"{base}-{number}" for number in itertools.count(2))
        result.append(next(slug for slug in itertools.chain([base], numbered) if slug not in result))
    return tuple(result)
