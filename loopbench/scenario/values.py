"""The types of a scenario's values: patterns and their descriptions, limits, ranges, and the base of every table."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from loopbench.scenario.claims import CLAIM_PATTERNS

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
    """Turn a single number into the range from itself to itself."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value, value)
    return tuple(value) if isinstance(value, list) else value


def _check_ascending(value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    if low > high:
        raise PydanticCustomError("range", "the range goes from {low} down to {high}", {"low": low, "high": high})
    return value


Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
ThinkTime = Annotated[
    tuple[Seconds, Seconds],
    BeforeValidator(_as_range, json_schema_input_type=Seconds | tuple[Seconds, Seconds]),
    AfterValidator(_check_ascending),
]
PerSecond = Annotated[float, Field(ge=0, le=MAX_RATE_RPS)]
SomePerSecond = Annotated[float, Field(gt=0, le=MAX_RATE_RPS)]
RateRange = Annotated[
    tuple[PerSecond, SomePerSecond],
    BeforeValidator(_as_range, json_schema_input_type=SomePerSecond | tuple[PerSecond, SomePerSecond]),
]


class Strict(BaseModel):
    """Base of every table: frozen, and unknown keys, wrong types, infinities and NaN are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
