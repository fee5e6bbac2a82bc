"""`[target]` and `[variants.target]`: the app under test, and how it is served."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import APP_PATTERN, URL_PATTERN, Environment, Positive, Strict


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
    env: Environment = Field(default={})
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
