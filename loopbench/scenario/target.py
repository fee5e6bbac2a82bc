"""`[target]` and `[variants.target]`: the app under test and how it is served."""

from typing import Annotated, Final, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from loopbench.scenario.values import APP_PATTERN, HIDDEN, URL_PATTERN, Environment, Positive, Strict, Text

Server = Literal["uvicorn", "hypercorn", "granian"]
SERVERS: Final[tuple[str, ...]] = get_args(Server)


def _check_command(value: str) -> str:
    if "{app}" not in value or "{port}" not in value:
        raise PydanticCustomError("command", "contains {app} and {port}: which app to serve, and where")
    return value


Command = Annotated[Text, AfterValidator(_check_command)]


def _check_url(value: str) -> str:
    """Refuse a port of 0 or above 65,535 and a host that is no name: the pattern allows both."""
    try:
        address = urlsplit(value)
        is_usable = address.port != 0
        (address.hostname or "").encode("idna")  # as a socket does
    except ValueError:
        is_usable = False
    if not is_usable:
        raise PydanticCustomError("address", "a host's name or address, and a port from 1 to 65,535")
    return value


Url = Annotated[str, Field(pattern=URL_PATTERN), AfterValidator(_check_url)]


class TargetOverrides(Strict):
    """Settings that a variant may change. Absent ones come from `[target]`."""

    app: str | None = Field(default=None, pattern=APP_PATTERN)
    """`module:attribute` of an ASGI app."""
    app_dir: str | None = None
    """Folder that the app is imported from, relative to this file."""
    server: Server | None = None
    """Program that serves the app."""
    command: Command | None = None
    """Command line of another server, which replaces `server`."""
    workers: int | None = Field(default=None, ge=1, le=64)
    """Number of server processes."""
    cpus: int | None = Field(default=None, ge=1, le=1_024)
    """Number of cores that the target may use."""
    loop: Literal["asyncio", "uvloop"] | None = None
    """Event loop."""
    http: Literal["h11", "httptools"] | None = None
    """HTTP parser of uvicorn."""
    thread_tokens: int | None = Field(default=None, ge=1, le=10_000)
    """Size of anyio's thread limiter, which runs plain `def` routes."""
    executor_threads: int | None = Field(default=None, ge=1, le=10_000)
    """Size of the event loop's default executor (`asyncio.to_thread`)."""
    gc_freeze: bool | None = None
    """Whether `gc.freeze()` is called once the app is loaded."""
    env: Environment | None = None
    """Environment variables of the app; each replaces or adds to `[target]`'s."""
    python: str | None = None
    """Python interpreter of the app, relative to this file."""


class Target(Strict):
    """The app under test and how it is served, or the URL of an app that already runs."""

    app: str | None = Field(default=None, pattern=APP_PATTERN)
    """`module:attribute` of an ASGI app, as in `main:app`."""
    app_dir: str = "."
    """Folder that the app is imported from, relative to this file."""
    cwd: str = "."
    """Folder that the app runs in, where it finds its `.env`, relative to `app_dir`."""
    server: Server = "uvicorn"
    """Program that serves the app. Requests of any but uvicorn are counted by the probe, around the app."""
    command: Command | None = None
    """Command line of another server, instead of `server`; with `{app}`, `{port}`, `{workers}`, `{loop}`."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes."""
    loop: Literal["asyncio", "uvloop"] = "uvloop"
    """Event loop."""
    http: Literal["h11", "httptools"] = "httptools"
    """HTTP parser of uvicorn."""
    thread_tokens: int = Field(default=40, ge=1, le=10_000)
    """Size of anyio's thread limiter, which runs plain `def` routes."""
    executor_threads: int | None = Field(default=None, ge=1, le=10_000)
    """Size of the event loop's default executor (`asyncio.to_thread`); Python's own choice if absent."""
    gc_freeze: bool = False
    """Whether `gc.freeze()` is called once the app is loaded."""
    env: Environment = Field(default={})
    """Environment variables added for the app. Their values are never recorded."""
    python: str | None = None
    """Python interpreter of the app, relative to this file, with the server installed; loopbench's own if absent."""
    prepare: Annotated[str | None, HIDDEN] = None
    """Shell command that runs before every start of the app, such as a migration; in `app_dir`, with its Python."""
    cleanup: Annotated[str | None, HIDDEN] = None
    """Shell command that runs after every end of the app, like `prepare`."""
    ready_s: Positive = 30.0
    """Seconds within which the app must answer after its start."""
    pin: bool = True
    """Whether target and generator are pinned to separate cores."""
    cpus: int | None = Field(default=None, ge=1, le=1_024)
    """Number of cores that the target may use, the generators' last of all; if absent, `pin` decides."""
    copy_: list[Text] = Field(default=[], max_length=64, alias="copy")
    """Files and folders that git ignores, such as `.env`, relative to `app_dir`: `compare --rev` brings them."""
    url: Url | None = Field(default=None, validate_default=True)
    """URL of a target that already runs, instead of `app`. loopbench neither starts nor stops it."""
    probe_dir: str | None = Field(default=None, validate_default=True)
    """With `url`: folder that the target's probe writes to, relative to this file."""

    @field_validator("url")
    @classmethod
    def _check_app_or_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("app", "") is None:
            raise PydanticCustomError("missing_app", "module:attribute, or the url of a target that runs elsewhere")
        return value

    @field_validator("probe_dir")
    @classmethod
    def _check_probe_dir(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("url") is None:
            raise PydanticCustomError(
                "probe_dir", "needs url: a target started here gets a folder for its probe anyway"
            )
        return value

    @model_validator(mode="after")
    def _check_url_excludes_start(self) -> Self:
        given = sorted(self.model_dump(exclude_defaults=True, exclude={"url", "probe_dir"}))
        if self.url is not None and given:
            context = {"given": " and ".join(given)}
            raise PydanticCustomError("url", "url excludes {given}: what runs elsewhere is not started here", context)
        return self

    @property
    def is_counted_by_probe(self) -> bool:
        """Whether the server gets the app wrapped, because the probe cannot read its own count."""
        return self.server != "uvicorn" or self.command is not None

    def merged(self, overrides: TargetOverrides) -> "Target":
        """Return these settings with a variant's overrides; `env` is merged by name."""
        own = overrides.model_dump(exclude_none=True)
        own["env"] = {**self.env, **own.get("env", {})}
        return self.model_copy(update=own)
