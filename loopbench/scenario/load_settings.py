"""`[load]` and `[repeat]`: number of users, how fast they come, how long they stay, and how often runs are repeated."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import (
    ADDRESS_PATTERN,
    DEFAULT_MASTER_PORT,
    MAX_GENERATORS,
    MAX_SECONDS,
    MAX_USERS,
    Positive,
    RateRange,
    Seconds,
    Strict,
    ThinkTime,
    Window,
)

Arrivals = Literal["exponential", "constant"]


LITTLE_RPS: Final = 1_000.0
"""Requests per second that any generator sends on any machine: its own ceiling is ten times as much and more."""


class Load(Strict):
    """The number of users, how fast they come, and how long they stay."""

    users: int = Field(default=100, ge=1, le=MAX_USERS)
    """Users at full load."""
    spawn_rate: float = Field(default=1.0, gt=0, le=1_000)
    """Users that start per second on the ramp."""
    hold_s: Window = 20.0
    """Seconds at full load, after the ramp."""
    warmup_s: Seconds = 2.0
    """Seconds of requests before the ramp; they are not evaluated."""
    think_time_s: ThinkTime = (0.0, 0.0)
    """A user's pause after each answer, in seconds: a number, or `[low, high]` to draw from."""
    drain_s: Positive = 30.0
    """Maximum wait for the last answers after the load, in seconds."""
    steps: list[Annotated[int, Field(ge=1, le=MAX_USERS)]] = Field(default=[], max_length=64)
    """Numbers of users for step runs, visited in a random order. They give the shape of the curve."""
    step_runs: int = Field(default=3, ge=1, le=100)
    """Step runs per variant."""
    step_s: Window = 5.0
    """Seconds of the window at each level."""
    locustfile: str | None = None
    """A Locust file of your own, relative to this file: its users are the load, with their tasks and wait times."""
    user_classes: list[str] = Field(default=[], max_length=64)
    """Names of its user classes that take part; all if absent."""
    mode: Literal["closed", "open"] = "closed"
    """`closed`: each user waits for its answer. `open`: requests are sent on a schedule, answered or not."""
    rate: RateRange | None = Field(default=None, validate_default=True)
    """Open mode: requests per second, a number, or `[from, to]` for a ramp."""
    arrivals: Arrivals = "exponential"
    """Open mode: times between requests, drawn at random or all equal."""
    generators: int = Field(default=1, ge=1, le=MAX_GENERATORS)
    """Locust processes on this machine."""
    remote_workers: int = Field(default=0, ge=0, le=MAX_GENERATORS)
    """Locust workers on other machines (`loopbench worker`), instead of generators here."""
    master_bind: str | None = Field(default=None, pattern=ADDRESS_PATTERN, validate_default=True)
    """The address of this machine that remote workers connect to."""
    master_port: int = Field(default=DEFAULT_MASTER_PORT, ge=1, le=65_535)
    """Port of that address."""

    @model_validator(mode="before")
    @classmethod
    def _drop_former_client(cls, value: Any) -> Any:
        """Accept `user = "llhttp"`, the former default, which older sessions have recorded."""
        former = isinstance(value, dict) and value.get("user") == "llhttp"
        return {key: each for key, each in value.items() if key != "user"} if former else value

    @field_validator("generators", "remote_workers")
    @classmethod
    def _check_users_per_generator(cls, value: int, info: ValidationInfo) -> int:
        users = info.data.get("users", value)
        if value > users:
            context = {"users": users}
            raise PydanticCustomError("idle", "there are only {users} users, and each generator needs one", context)
        return value

    @field_validator("remote_workers")
    @classmethod
    def _check_no_local_generators(cls, value: int, info: ValidationInfo) -> int:
        if value and info.data.get("generators", 1) > 1:
            raise PydanticCustomError("generators", "excludes generators: either processes here or workers elsewhere")
        return value

    @field_validator("master_bind")
    @classmethod
    def _check_bind(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Require an explicit address, because the port has no password."""
        remote_workers = info.data.get("remote_workers", 0)
        if remote_workers and value is None:
            raise PydanticCustomError("bind", "remote_workers need it: the address at which they reach this machine")
        if not remote_workers and value is not None:
            raise PydanticCustomError("bind", "needs remote_workers: without them nothing connects from outside")
        return value

    @field_validator("mode")
    @classmethod
    def _check_open_mode(cls, value: str, info: ValidationInfo) -> str:
        """Check the keys that open mode excludes. Requests follow a schedule, which only our own client supports."""
        load = info.data
        against = (
            ("think_time_s", load.get("think_time_s", (0.0, 0.0))[1] > 0),
            ("steps", bool(load.get("steps"))),
            ("locustfile", load.get("locustfile") is not None),
        )
        given = [key for key, is_given in against if is_given]
        if value == "open" and given:
            raise PydanticCustomError("open", "open mode excludes {given}", {"given": " and ".join(given)})
        return value

    @field_validator("rate")
    @classmethod
    def _check_rate(cls, value: tuple[float, float] | None, info: ValidationInfo) -> tuple[float, float] | None:
        if info.data.get("mode") == "open" and value is None:
            raise PydanticCustomError("rate", "open mode needs a rate in requests per second: a number or [from, to]")
        if info.data.get("mode") == "closed" and value is not None:
            raise PydanticCustomError("rate", 'a rate needs mode = "open": in closed mode the answers set the pace')
        return value

    @field_validator("arrivals")
    @classmethod
    def _check_arrivals(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("mode") == "closed" and value != "exponential":
            raise PydanticCustomError("arrivals", 'arrivals need mode = "open"')
        return value

    @field_validator("steps")
    @classmethod
    def _check_steps(cls, value: list[int]) -> list[int]:
        twice = next((users for users in value if value.count(users) > 1), None)
        if twice is not None:
            raise PydanticCustomError("twice", "the level {users} is there twice", {"users": twice})
        return value

    @field_validator("spawn_rate")
    @classmethod
    def _check_ramp_length(cls, value: float, info: ValidationInfo) -> float:
        ramp_s = (info.data.get("users", 1) - 1) / value
        if ramp_s > MAX_SECONDS:
            context = {"users": info.data["users"], "limit": MAX_SECONDS}
            raise PydanticCustomError("long", "{users} users would take longer than {limit} s to come", context)
        return value

    @model_validator(mode="after")
    def _check_locustfile(self) -> Self:
        given = ("think_time_s", self.think_time_s[1] > 0), ("several generators", self.has_master)
        against = [key for key, is_given in given if is_given]
        if self.locustfile is not None and against:
            raise PydanticCustomError("locustfile", "a locustfile excludes {given}", {"given": " and ".join(against)})
        if self.locustfile is None and self.user_classes:
            raise PydanticCustomError("locustfile", "user_classes need a locustfile")
        return self

    @property
    def processes(self) -> int:
        """Processes that send the requests."""
        return self.remote_workers or self.generators

    @property
    def has_master(self) -> bool:
        """Whether there is a master: a single process on this machine needs none."""
        return bool(self.remote_workers) or self.generators > 1

    @property
    def is_open(self) -> bool:
        """Whether requests are due on a schedule."""
        return self.mode == "open"

    @property
    def asks_for_little(self) -> bool:
        """Whether its users or its schedule ask for so few requests that no generator's ceiling matters."""
        if self.locustfile is not None:
            return False
        if self.rate is not None:
            return max(self.rate) <= LITTLE_RPS
        return max(self.users, *self.steps, 0) <= LITTLE_RPS * self.think_time_s[0]

    @property
    def ramp_s(self) -> float:
        """Seconds from the first user to the last. In open mode the rate rises for as long, with all users present."""
        return (self.users - 1) / self.spawn_rate


class Repeat(Strict):
    """Rounds of plateau runs: their length and number. With `max_rounds = 0` only the ramp is measured."""

    precision: float = Field(default=0.05, gt=0, le=1)
    """Rounds continue until the half-width of every 95 % interval of goodput is at most this share of its value."""
    max_rounds: int = Field(default=12, ge=0, le=100)
    """Maximum number of rounds; 0: ramp only."""
    min_rounds: int = Field(default=5, ge=2, le=100)
    """Minimum number of rounds."""
    settle_s: Seconds = 1.0
    """Seconds between the arrival of the last user and the window. Slices settle for as long as they need."""
    window_s: Window = 6.0
    """Seconds of the evaluated window of each run of a round. Where targets take turns, two thirds of it."""
    variants: list[str] | None = Field(default=None, min_length=1)
    """Names of the variants measured in rounds; the others get a ramp only. All variants if absent."""
    max_times_slower: float | None = Field(default=None, gt=1)
    """A variant takes no part in the rounds if its users, in its ramp, take more than this many times as long for a
    request as those of the baseline, or else of the fastest variant. It would set the pace of the others."""
    interleave: bool = True
    """Keep all targets of a round alive and load them in turns, where the scenario allows it (docs/statistics.md)."""

    @property
    def fewest_rounds(self) -> int:
        """Number of rounds before the intervals can end the session."""
        return min(self.min_rounds, self.max_rounds)
