"""Asks an app what routes it has, in its own Python: a supervised process, a time limit, and every way it can fail."""

import json
import os
import shlex
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from loopbench.errors import TargetError
from loopbench.first_scenario.places import NAMED, AppPlace
from loopbench.measure.interpreter import is_own, own_path_first
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.scenario.secrets import secret_variables
from loopbench.secrecy import remember
from loopbench.upwards import upwards

READER: Final = Path(__file__).with_name("app_reader.py")
READ_S: Final = 60.0
"""Importing a large app takes seconds; one that takes a minute waits for something that does not come."""

LOOK_EVERY_S: Final = 0.02
NOT_STARTED: Final = 127
"""The minder's exit code when there is nothing to execute, as a shell's."""

MAX_ANSWER_BYTES: Final = 32_000_000


class Document(BaseModel):
    """One OpenAPI document, and where its app is mounted."""

    prefix: str
    openapi: dict[str, Any]


class Function(BaseModel):
    """A function of the app."""

    name: str
    file: str
    """Empty: not written in Python."""
    line: int
    """The first one, which is that of a decorator where there are some."""
    is_async: bool
    awaits: bool = True
    """Whether it may suspend itself, so that it cannot run in a thread; false where its code awaits nothing."""


class Endpoint(Function):
    """What answers a route, and the functions that it depends on."""

    methods: list[str]
    path: str
    """With its parameters, as in `/items/{item_id}`."""
    dependencies: list[Function]


class AppFacts(BaseModel):
    """What an app reports about itself."""

    attribute: str
    type: str
    callable: bool
    is_wsgi: bool = False
    has_openapi: bool
    documents: list[Document]
    mounts: list[tuple[str, str]]
    """Path and class of what is mounted and has no OpenAPI."""
    hidden: int
    """Routes that are kept out of the OpenAPI."""
    streams: list[str] = []
    """Paths of routes that stream events."""
    endpoints: list[Endpoint] = []
    unreadable: str = ""
    """Why an OpenAPI document is missing; empty if none is."""
    servers: Annotated[set[str], Field(max_length=8)]
    """Which of uvicorn, uvloop and httptools its Python has."""


@dataclass(frozen=True)
class _Reading:
    """What is read, for the errors."""

    place: AppPlace
    python: Path
    log: str = ""

    @property
    def name(self) -> str:
        return f"{self.place.module}:{self.place.attribute}" if self.place.attribute else self.place.module

    def failed(self, what: str, slug: str, *hints: str, allowed: str = "") -> TargetError:
        where = f"{self.python} in {self.place.folder}"
        return TargetError(what, slug=slug, where=where, allowed=allowed, hints=hints, detail=self.log)


def read_app(
    place: AppPlace,
    python: Path,
    read_s: float = READ_S,
    *,
    added: Mapping[str, str] = MappingProxyType({}),
    cwd: str | None = None,
) -> AppFacts:
    """Import the app in its own Python, with the user's environment, in the folder that it runs in.

    Args:
        place: what to import.
        python: the interpreter.
        read_s: how long the import may take.
        added: variables on top of the user's.
        cwd: the folder that it runs in, from the place's; None: the usual one.

    Raises:
        TargetError: it does not import, does not end, or is no app; with the last lines of its output.
    """
    environ = {**os.environ, **added}
    remember(secret_variables(environ))  # an app that fails may print them
    with tempfile.TemporaryDirectory(prefix="loopbench-init-") as folder:
        answer, log = Path(folder, "answer.json"), Path(folder, "app.log")
        command = [str(python), str(READER), str(answer), place.module, place.attribute, str(place.folder)]
        path = own_path_first(str(python), environ)
        env = environ | {"PYTHONDONTWRITEBYTECODE": "1", "PATH": path}
        with Supervised(command, env=env, cwd=(place.folder / (cwd or place.cwd)).resolve(), log=log) as process:
            code = _exit_code(process, read_s)
        return _facts(_Reading(place, python, log_tail(log)), code, answer, read_s)


def _exit_code(process: Supervised, read_s: float) -> int | None:
    """Its code, or None when its time was up."""
    ends_s = time.monotonic() + read_s
    while (code := process.exit_code) is None and time.monotonic() < ends_s:
        time.sleep(LOOK_EVERY_S)
    return code


def _facts(reading: _Reading, code: int | None, answer: Path, read_s: float) -> AppFacts:
    if code is None:
        what = f"{reading.name} did not import within {read_s:g} s"
        raise reading.failed(what, "app-hangs", "start at import only what ends: the rest belongs into the lifespan")
    if code == NOT_STARTED and not answer.is_file():
        raise reading.failed(
            f"{reading.python} cannot be started", "python-missing", "--python PATH: another interpreter"
        )
    if not answer.is_file():
        what = f"the import of {reading.name} ended its process ({describe_exit(code)})"
        raise reading.failed(what, "app-import", f"{reading.python} -c 'import {reading.place.module}'")
    if answer.stat().st_size > MAX_ANSWER_BYTES:
        raise reading.failed(f"the OpenAPI of {reading.name} is larger than 32 MB", "app-openapi")
    try:
        answered = json.loads(answer.read_bytes())
        if "problem" in answered:
            raise _refused(reading, answered)
        facts = AppFacts.model_validate(answered)
    except (ValueError, RecursionError, ValidationError, TypeError):
        raise reading.failed(f"the description of {reading.name} is not OpenAPI", "app-openapi") from None
    return _check_servable(reading, facts)


def _refused(reading: _Reading, answered: dict[str, Any]) -> TargetError:
    """What the reader found instead of an app."""
    module, error = reading.place.module, str(answered.get("error", ""))
    match answered["problem"]:
        case "module":
            return reading.failed(f"there is no module {module}", "app-missing", NAMED)
        case "package":
            missing = str(answered.get("name", ""))
            what = f"{module} needs the package {missing!r}, which its Python does not have"
            install = () if is_own(str(reading.python)) else (f"{reading.python} -m pip install {missing}",)
            return reading.failed(what, "app-import", *install, "--python PATH: the Python of the app's environment")
        case "attribute":
            names = ", ".join(f"{module}:{name}" for name in answered.get("names", []))
            return reading.failed(f"{reading.name} does not exist", "app-missing", allowed=names)
        case "no-app":
            return reading.failed(f"there is no app in the module {module}", "app-missing", NAMED)
        case "factory":
            return reading.failed(f"calling {reading.name} failed: {error}", "app-import")
        case _:
            hint = f"{reading.python} -c 'import {module}'"
            return reading.failed(f"{module} does not import: {error}", "app-import", hint, *_env_hint(reading.place))


def _env_hint(place: AppPlace) -> tuple[str, ...]:
    """Returns how to export the variables of the nearest `.env`: one that settings read is in no environment."""
    found = next((each for each in upwards(place.folder.resolve()) if (each / ".env").is_file()), None)
    if found is None:
        return ()
    name = shlex.quote(f"{os.path.relpath(found)}/.env")
    return (f"set -a; . {name}; set +a: if the app needs the variables of this file in its environment",)


def _check_servable(reading: _Reading, facts: AppFacts) -> AppFacts:
    """Unless it is something uvicorn could not serve."""
    if facts.is_wsgi:
        what = (
            f"{reading.name} is a WSGI app ({facts.type}); loopbench measures ASGI apps such as FastAPI and Starlette"
        )
        raise reading.failed(what, "app-kind")
    if not facts.callable:
        raise reading.failed(f"{reading.name} is no app but a {facts.type}", "app-kind", NAMED)
    return facts
