"""The types of a scenario's values: patterns and their descriptions, limits, ranges, and the base of every table.

A value that may be a secret is marked in its type (`HIDDEN`, `recorded_as`). Such a value is replaced whenever a model
is dumped as JSON, except with `context=CLEAR`, which only the load generator gets.
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SerializationInfo
from pydantic_core import PydanticCustomError

from loopbench.secrecy import hide, hide_in_query, hide_telling

MAX_USERS = 10_000
MAX_SECONDS = 3_600.0
MIN_WINDOW_S = 0.1
"""A shorter window makes its run INVALID (rule D1)."""
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
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
ENV_VALUE_PATTERN = r"^[^\x00]*$"
CLAIM_ID_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
CAPTURE_PATTERN = r"^(json|header|cookie):[!-~]+$"
COMPARE_PATTERN = r"^(goodput|p50|p99|neighbour_p50|neighbour_p99|receipt:[A-Za-z0-9_]+)$"
PATTERN_MEANINGS = {
    APP_PATTERN: "module:attribute, as in main:app",
    PATH_PATTERN: "begins with /, the rest ASCII without spaces (percent-encode what is not)",
    HEADER_NAME_PATTERN: "a header's name: letters, digits and -",
    HEADER_VALUE_PATTERN: "a header's value: one line of printable ASCII",
    URL_PATTERN: "scheme, host and port, as in http://10.0.0.7:8000",
    ADDRESS_PATTERN: "an IP address of this machine, as in 10.0.0.5; 0.0.0.0 is every one of them",
    NAME_PATTERN: "a name: letters, digits and _",
    ENV_VALUE_PATTERN: "any text without a NUL",
    CLAIM_ID_PATTERN: "small letters, digits and -",
    CAPTURE_PATTERN: "json:KEY, json:PATH.TO.0.KEY, header:NAME or cookie:NAME",
    COMPARE_PATTERN: "goodput, p50, p99, neighbour_p50, neighbour_p99 or receipt:KEY",
}

CLEAR = {"clear": True}
"""Context of a dump that contains secrets."""


def recorded_as(redacted: Callable[[Any], Any]) -> PlainSerializer:
    """Mark a type whose values a JSON dump contains only after `redacted`, which must accept its own results."""

    def serialize(value: Any, info: SerializationInfo) -> Any:
        return value if info.context == CLEAR else redacted(value)

    return PlainSerializer(serialize, when_used="json")


HIDDEN = recorded_as(hide)

Text = Annotated[str, Field(min_length=1, max_length=300)]
HeaderName = Annotated[str, Field(pattern=HEADER_NAME_PATTERN)]
Headers = Annotated[dict[HeaderName, Annotated[str, Field(pattern=HEADER_VALUE_PATTERN)]], HIDDEN]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Environment = Annotated[dict[Name, Annotated[str, Field(pattern=ENV_VALUE_PATTERN)]], HIDDEN]
UrlPath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=2_000), recorded_as(hide_in_query)]
Positive = Annotated[float, Field(gt=0, le=MAX_SECONDS)]
Window = Annotated[float, Field(ge=MIN_WINDOW_S, le=MAX_SECONDS)]
Scalar = str | int | float | bool
Params = Annotated[dict[str, Scalar], recorded_as(hide_telling)]


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
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        defer_build=True,
        hide_input_in_errors=True,  # the text of an error may get into a crash file
    )
