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

from loopbench.scenario.claims import CLAIM_PATTERNS, Claim
from loopbench.scenario.hang_up import HangUp
from loopbench.scenario.receipts import Receipt
from loopbench.scenario.services import ServiceNames
from loopbench.scenario.timelines import Timeline

MAX_USERS = 10_000
MAX_SECONDS = 3_600.0
MAX_RATE_RPS = 100_000.0
MAX_VARIANTS = 64
MAX_GENERATORS = 64
DEFAULT_MASTER_PORT = 5557  # Locust's own

APP_PATTERN = r"^[\w.]+:[\w.]+$"
PATH_PATTERN = r"^/[!-~]*$"
HEADER_NAME_PATTERN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # RFC 9110, section 5.6.2
HEADER_VALUE_PATTERN = r"^[\t -~]*$"
URL_PATTERN = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
ADDRESS_PATTERN = r"^[0-9A-Fa-f:.]+$"
ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
ENV_VALUE_PATTERN = r"^[^\x00]*$"
PATTERN_MEANINGS = {
    APP_PATTERN: "module:attribute, as in main:app",
    PATH_PATTERN: "begins with /, the rest ASCII without spaces (percent-encode what is not)",
    HEADER_NAME_PATTERN: "a header's name: letters, digits and -",
    HEADER_VALUE_PATTERN: "a header's value: one line of printable ASCII",
    URL_PATTERN: "scheme, host and port, as in http://10.0.0.7:8000",
    ADDRESS_PATTERN: "an IP address of this machine, as in 10.0.0.5; 0.0.0.0 is every one of them",
    ENV_NAME_PATTERN: "a variable's name: letters, digits and _",
    ENV_VALUE_PATTERN: "any text without a NUL",
    **CLAIM_PATTERNS,
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
PerSecond = Annotated[float, Field(ge=0, le=MAX_RATE_RPS)]
RateRange = Annotated[tuple[PerSecond, Annotated[PerSecond, Field(gt=0)]], BeforeValidator(_as_range)]


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
    """The app under test and how uvicorn serves it, or where it is served already."""

    app: str = Field(default="", pattern=APP_PATTERN)
    app_dir: str = "."
    workers: int = Field(default=1, ge=1, le=64)
    loop: Literal["asyncio", "uvloop"] = "uvloop"
    http: Literal["h11", "httptools"] = "httptools"
    thread_tokens: int = Field(default=40, ge=1, le=10_000)
    env: Environment = {}
    python: str | None = None
    ready_s: Positive = 30.0
    pin: bool = True
    url: str | None = Field(default=None, pattern=URL_PATTERN, validate_default=True)
    probe_dir: str | None = Field(default=None, validate_default=True)

    @field_validator("url")
    @classmethod
    def _is_somewhere(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("app") == "":
            raise PydanticCustomError("missing_app", "module:attribute, or the url of a target that runs elsewhere")
        return value

    @field_validator("probe_dir")
    @classmethod
    def _belongs_to_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("url") is None:
            raise PydanticCustomError(
                "probe_dir", "needs url: a target started here gets a folder for its probe anyway"
            )
        return value

    @model_validator(mode="after")
    def _is_not_started_twice(self) -> Self:
        given = sorted(self.model_fields_set - {"url", "probe_dir"})
        if self.url is not None and given:
            context = {"given": " and ".join(given)}
            raise PydanticCustomError("url", "url excludes {given}: what runs elsewhere is not started here", context)
        return self

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
    steps: list[Annotated[int, Field(ge=1, le=MAX_USERS)]] = Field(default=[], max_length=64)
    step_runs: int = Field(default=3, ge=1, le=100)
    step_s: Positive = 5.0
    user: Literal["llhttp", "fast", "http"] = "llhttp"
    mode: Literal["closed", "open"] = "closed"
    rate: RateRange | None = Field(default=None, validate_default=True)
    arrivals: Literal["exponential", "constant"] = "exponential"
    generators: int = Field(default=1, ge=1, le=MAX_GENERATORS)
    remote_workers: int = Field(default=0, ge=0, le=MAX_GENERATORS)
    master_bind: str | None = Field(default=None, pattern=ADDRESS_PATTERN, validate_default=True)
    master_port: int = Field(default=DEFAULT_MASTER_PORT, ge=1, le=65_535)

    @field_validator("generators", "remote_workers")
    @classmethod
    def _have_users(cls, value: int, info: ValidationInfo) -> int:
        users = info.data.get("users", value)
        if value > users:
            context = {"users": users}
            raise PydanticCustomError("idle", "there are only {users} users, and each generator needs one", context)
        return value

    @field_validator("remote_workers")
    @classmethod
    def _are_the_only_generators(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("generators", 1) > 1:
            raise PydanticCustomError("generators", "excludes generators: either processes here or workers elsewhere")
        return value

    @field_validator("master_bind")
    @classmethod
    def _is_meant(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A port without a password is opened on no address that nobody named."""
        remote_workers = info.data.get("remote_workers", 0)
        if remote_workers and value is None:
            raise PydanticCustomError("bind", "remote_workers need it: the address at which they reach this machine")
        if not remote_workers and value is not None:
            raise PydanticCustomError("bind", "needs remote_workers: without them nobody outside has to connect")
        return value

    @field_validator("mode")
    @classmethod
    def _can_be_open(cls, value: str, info: ValidationInfo) -> str:
        """In open mode a schedule decides when to ask, and only our own client records against it."""
        load = info.data
        against = (
            ("think_time_s", load.get("think_time_s", (0.0, 0.0))[1] > 0),
            ("steps", bool(load.get("steps"))),
            (f'user = "{load.get("user")}"', load.get("user", "llhttp") != "llhttp"),
        )
        given = [key for key, is_given in against if is_given]
        if value == "open" and given:
            raise PydanticCustomError("open", "open mode excludes {given}", {"given": " and ".join(given)})
        return value

    @field_validator("rate")
    @classmethod
    def _belongs_to_open_mode(
        cls, value: tuple[float, float] | None, info: ValidationInfo
    ) -> tuple[float, float] | None:
        if info.data.get("mode") == "open" and value is None:
            raise PydanticCustomError("rate", "open mode needs a rate in requests per second: a number or [from, to]")
        if info.data.get("mode") == "closed" and value is not None:
            raise PydanticCustomError("rate", 'a rate needs mode = "open": in closed mode the answers set the pace')
        return value

    @field_validator("arrivals")
    @classmethod
    def _are_scheduled(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("mode") == "closed":
            raise PydanticCustomError("arrivals", 'arrivals need mode = "open"')
        return value

    @field_validator("steps")
    @classmethod
    def _are_different(cls, value: list[int]) -> list[int]:
        twice = next((users for users in value if value.count(users) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "the level {users} is there twice", {"users": twice})
        return value

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
    """Rounds of plateau runs: how long each, and when there are enough. `max_rounds = 0`: the ramp picture alone."""

    precision: float = Field(default=0.05, gt=0, le=1)
    max_rounds: int = Field(default=12, ge=0, le=100)
    min_rounds: int = Field(default=5, ge=2, le=100)
    settle_s: Seconds = 1.0
    window_s: Positive = 6.0

    @property
    def fewest_rounds(self) -> int:
        """Rounds that are measured in any case."""
        return min(self.min_rounds, self.max_rounds)


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


class Scenario(Strict):
    """A whole scenario, checked."""

    title: Text
    question: Text
    source: str = Field(default="", max_length=1_000)
    target: Target
    load: Load = Load()
    repeat: Repeat = Repeat()
    services: ServiceNames = []
    requests: list[Request] = Field(default=[], max_length=32)
    variants: list[Variant] = Field(min_length=1, max_length=MAX_VARIANTS)
    baseline: str | None = None
    timelines: list[Timeline] = Field(default=[], max_length=16)
    claims: list[Claim] = Field(default=[], max_length=64)

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

    @field_validator("load")
    @classmethod
    def _reaches_the_target(cls, load: Load, info: ValidationInfo) -> Load:
        target = info.data.get("target")
        if load.remote_workers and target is not None and target.url is None:
            reason = "remote_workers need [target] url: a target started here listens on this machine's loopback only"
            raise PydanticCustomError("loopback", reason)
        return load

    @field_validator("services")
    @classmethod
    def _reach_the_target(cls, services: list[str], info: ValidationInfo) -> list[str]:
        target = info.data.get("target")
        if services and target is not None and target.url is not None:
            raise PydanticCustomError("elsewhere", "[target] url excludes services: they are started for a target here")
        return services

    @field_validator("variants")
    @classmethod
    def _can_be_set(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        target = info.data.get("target")
        changing = [each.name for each in variants if each.target.model_fields_set]
        if changing and target is not None and target.url is not None:
            context = {"name": repr(changing[0])}
            raise PydanticCustomError("elsewhere", "{name} sets a target that runs elsewhere ([target] url)", context)
        return variants

    @field_validator("baseline")
    @classmethod
    def _is_a_variant(cls, value: str | None, info: ValidationInfo) -> str | None:
        names = [variant.name for variant in info.data.get("variants", [])]
        if names and value not in names:
            raise PydanticCustomError("baseline", "one of the variants: {names}", {"names": ", ".join(names)})
        return value

    @field_validator("variants")
    @classmethod
    def _hang_up_on_our_client(cls, variants: list[Variant], info: ValidationInfo) -> list[Variant]:
        user = getattr(info.data.get("load"), "user", "llhttp")
        leaving = [each.name for each in [*info.data.get("requests", []), *variants] if each.hang_up]
        if leaving and user != "llhttp":
            context = {"name": repr(leaving[0]), "user": user}
            raise PydanticCustomError("hang_up", '{name} hangs up, which user = "{user}" cannot do', context)
        return variants

    @field_validator("timelines")
    @classmethod
    def _ask_what_there_is(cls, timelines: list[Timeline], info: ValidationInfo) -> list[Timeline]:
        variants, names = info.data.get("variants", []), [timeline.name for timeline in timelines]
        twice = next((name for name in names if [*names, *(each.name for each in variants)].count(name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "two timelines or variants are called {name}", {"name": repr(twice)})
        known = {request.name for request in [*info.data.get("requests", []), *variants]}
        asked = (each for timeline in timelines for each in timeline.requests if each not in known)
        odd = next((each for each in asked if not re.fullmatch(PATH_PATTERN, each)), None)
        if odd is not None:
            raise PydanticCustomError("timeline", "{odd} is no path and no request's name", {"odd": repr(odd)})
        return timelines

    @field_validator("claims")
    @classmethod
    def _are_about_variants(cls, claims: list[Claim], info: ValidationInfo) -> list[Claim]:
        names = {each.name for each in [*info.data.get("variants", []), *info.data.get("timelines", [])]}
        for claim in claims:
            unknown = next((name for name in (claim.a, claim.b) if name is not None and name not in names), None)
            if names and unknown is not None:
                context = {"claim": claim.id, "name": repr(unknown), "names": ", ".join(sorted(names))}
                raise PydanticCustomError("claim", "claim {claim}: {name} is none of the variants: {names}", context)
        twice = next((claim.id for claim in claims if [each.id for each in claims].count(claim.id) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "two claims are called {id}", {"id": twice})
        return claims

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
    def baseline_slug(self) -> str:
        """Of the variant the others are compared with; empty when each is compared with each."""
        return next((self.slug(index) for index, each in enumerate(self.variants) if each.name == self.baseline), "")

    def variant(self, slug: str) -> Variant:
        """By the name it has in paths."""
        return self.variants[self._slugs.index(slug)]

    @property
    def timeline_slugs(self) -> tuple[str, ...]:
        """Names of the timelines in paths, in order."""
        return slugs([timeline.name for timeline in self.timelines])

    def timeline(self, slug: str) -> Timeline:
        """By the name it has in paths."""
        return self.timelines[self.timeline_slugs.index(slug)]

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
