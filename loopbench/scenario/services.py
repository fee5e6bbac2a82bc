"""The services that a scenario's routes may use. `measure/services.py` finds or starts them."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

UPSTREAM: Final = "upstream"
SQLITE: Final = "sqlite"
POSTGRES: Final = "postgres"
REDIS: Final = "redis"
PUBSUB: Final = "pubsub"

ServiceName = Literal["upstream", "sqlite", "postgres", "redis", "pubsub"]


def _check_unique(value: list[ServiceName]) -> list[ServiceName]:
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise PydanticCustomError("twice", "the service {name} is there twice", {"name": twice})
    return value


ServiceNames = Annotated[list[ServiceName], Field(max_length=5), AfterValidator(_check_unique)]
"""The scenario's key `services`. sqlite is not a process; naming it checks for its driver before anything starts."""
