"""`[load]` and `[repeat]`: how many users, how they come, how long they stay, and how often it is all repeated."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
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
)


class Load(Strict):
    """How many users, how fast they come, how long they stay."""

    users: int = Field(default=100, ge=1, le=MAX_USERS)
    """Users at full load."""
    spawn_rate: float = Field(default=1.0, gt=0, le=1_000)
    """Users that come per second, on the ramp."""
    hold_s: Positive = 20.0
    """Seconds at full load, after the ramp."""
    warmup_s: Seconds = 2.0
    """Seconds of requests before the ramp, which count for nothing."""
    think_time_s: ThinkTime = (0.0, 0.0)
    """A user's pause after each answer, in seconds: a number, or `[low, high]` to draw from."""
    drain_s: Positive = 30.0
    """Seconds at most for the last answers, when nobody asks any more."""
    steps: list[Annotated[int, Field(ge=1, le=MAX_USERS)]] = Field(default=[], max_length=64)
    """Levels of users for step runs, walked in a random order: the shape of the curve."""
    step_runs: int = Field(default=3, ge=1, le=100)
    """Step runs per variant."""
    step_s: Positive = 5.0
    """Seconds of the window at each level."""
    user: Literal["llhttp", "fast", "http"] = "llhttp"
    """The client: `llhttp` (ours), `fast` (FastHttpUser), `http` (HttpUser)."""
    mode: Literal["closed", "open"] = "closed"
    """`closed`: each user waits for its answer. `open`: requests are due on a schedule, answered or not."""
    rate: RateRange | None = Field(default=None, validate_default=True)
    """Of open mode, in requests per second: a number, or `[from, to]` for a ramp."""
    arrivals: Literal["exponential", "constant"] = "exponential"
    """Of open mode: times between requests drawn at random, or all alike."""
    generators: int = Field(default=1, ge=1, le=MAX_GENERATORS)
    """Locust processes on this machine."""
    remote_workers: int = Field(default=0, ge=0, le=MAX_GENERATORS)
    """Locust workers on other machines (`loopbench worker`), instead of generators here."""
    master_bind: str | None = Field(default=None, pattern=ADDRESS_PATTERN, validate_default=True)
    """This machine's address at which remote workers reach it."""
    master_port: int = Field(default=DEFAULT_MASTER_PORT, ge=1, le=65_535)
    """Port of that address."""

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
    """Rounds go on until every 95 % interval of goodput is at most this share of its value wide, to either side."""
    max_rounds: int = Field(default=12, ge=0, le=100)
    """Rounds at most; 0: the ramp picture alone."""
    min_rounds: int = Field(default=5, ge=2, le=100)
    """Rounds that are measured in any case."""
    settle_s: Seconds = 1.0
    """Seconds of a round's run between the last user's coming and its window."""
    window_s: Positive = 6.0
    """Seconds of a round's run that count."""
    variants: list[str] | None = Field(default=None, min_length=1)
    """Names of the variants that are measured in rounds, where a ramp is enough of the others; all if absent."""

    @property
    def fewest_rounds(self) -> int:
        """Rounds that are measured in any case."""
        return min(self.min_rounds, self.max_rounds)
