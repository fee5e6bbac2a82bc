"""Which services a scenario's routes talk to. How each is found or started is `measure/services.py`'s affair."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

UPSTREAM: Final = "upstream"
SQLITE: Final = "sqlite"
POSTGRES: Final = "postgres"
REDIS: Final = "redis"
PUBSUB: Final = "pubsub"

ServiceName = Literal["upstream", "sqlite", "postgres", "redis", "pubsub"]


def _are_different(value: list[ServiceName]) -> list[ServiceName]:
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise PydanticCustomError("twice", "the service {name} is there twice", {"name": twice})
    return value


ServiceNames = Annotated[list[ServiceName], Field(max_length=5), AfterValidator(_are_different)]
"""The scenario's key `services`. sqlite is no process; naming it has its driver looked for before anything starts."""
