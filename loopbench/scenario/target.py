"""`[target]` and `[variants.target]`: the app under test, and how it is served."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import APP_PATTERN, URL_PATTERN, Environment, Positive, Strict


class TargetOverrides(Strict):
    """Settings a variant may change; every one that is absent comes from `[target]`."""

    app: str | None = Field(default=None, pattern=APP_PATTERN)
    """`module:attribute` of an ASGI app."""
    app_dir: str | None = None
    """Folder it is imported from, relative to this file."""
    workers: int | None = Field(default=None, ge=1, le=64)
    """Processes of uvicorn."""
    loop: Literal["asyncio", "uvloop"] | None = None
    """Event loop."""
    http: Literal["h11", "httptools"] | None = None
    """HTTP parser of the server."""
    thread_tokens: int | None = Field(default=None, ge=1, le=10_000)
    """Threads of anyio's limiter: what runs plain `def` routes."""
    env: Environment | None = None
    """Variables of its environment, over `[target]`'s, name by name."""
    python: str | None = None
    """Its interpreter, relative to this file."""


class Target(Strict):
    """The app under test and how uvicorn serves it, or where it is served already."""

    app: str = Field(default="", pattern=APP_PATTERN)
    """`module:attribute` of an ASGI app, as in `main:app`."""
    app_dir: str = "."
    """Folder it is imported from, relative to this file."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes of uvicorn."""
    loop: Literal["asyncio", "uvloop"] = "uvloop"
    """Event loop."""
    http: Literal["h11", "httptools"] = "httptools"
    """HTTP parser of the server."""
    thread_tokens: int = Field(default=40, ge=1, le=10_000)
    """Threads of anyio's limiter: what runs plain `def` routes."""
    env: Environment = Field(default={})
    """Variables added to its environment. Their values are never written down."""
    python: str | None = None
    """Its interpreter, relative to this file; loopbench's own if absent. uvicorn must be installed in it."""
    ready_s: Positive = 30.0
    """Seconds until it must answer."""
    pin: bool = True
    """Whether target and generator are kept on cores of their own."""
    url: str | None = Field(default=None, pattern=URL_PATTERN, validate_default=True)
    """Of a target that is served elsewhere, instead of `app`: it is neither started nor stopped."""
    probe_dir: str | None = Field(default=None, validate_default=True)
    """With `url`: folder the probe of that target writes to, relative to this file."""

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
