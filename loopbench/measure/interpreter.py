"""The interpreter a target runs in: its path, its packages, and how the probe is attached to its uvicorn."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from loopbench.measure.machine import not_observable
from loopbench.measure.programs import output_of
from loopbench.scenario import Scenario, Target

ASK_S: Final = 20.0
TARGET_PACKAGES: Final = (
    "uvicorn",
    "hypercorn",
    "granian",
    "gunicorn",
    "fastapi",
    "starlette",
    "anyio",
    "uvloop",
    "httptools",
)
OLDEST_UVICORN: Final = (0, 20)
GRACEFUL_SHUTDOWN_SINCE: Final = (0, 22)
LOOP_FACTORY_SINCE: Final = (0, 36)  # the first uvicorn whose `--loop` accepts `module:function`

Version = tuple[int, int]
UNKNOWN: Final[Version] = (99, 0)  # a version that could not be read is treated as the newest

QUESTION: Final = """
import importlib.metadata, inspect, json, platform, sys
packages = {}
for name in sys.argv[1:]:
    try:
        packages[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        packages[name] = "not installed"
defaults = {}
try:
    import uvicorn
    for name, parameter in inspect.signature(uvicorn.Config).parameters.items():
        if isinstance(parameter.default, (str, int, float, bool, type(None))):
            defaults[name] = parameter.default
except Exception as problem:
    packages["uvicorn"] = packages["uvicorn"] + " (does not import: " + type(problem).__name__ + ")"
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
python = {"version": platform.python_version(), "implementation": platform.python_implementation(), "gil": gil}
print(json.dumps({"python": python, "packages": packages, "server_defaults": defaults}))
"""


def python_of(scenario: Scenario, target: Target) -> str:
    """Returns the absolute path of a target's interpreter."""
    return str((scenario.file.parent / target.python).absolute()) if target.python else sys.executable


def is_own(python: str) -> bool:
    """Returns whether it is the interpreter of loopbench's own environment, where no app's packages belong."""
    return python == sys.executable


def own_path_first(python: str, environ: Mapping[str, str]) -> str:
    """Returns PATH with the interpreter's folder in front, as in an activated environment."""
    return os.pathsep.join(filter(None, [str(Path(python).parent), environ.get("PATH", "")]))


def uvicorn_version(python: str) -> Version:
    """Returns major and minor version of an interpreter's uvicorn, by asking it."""
    return _version(str(ask_python(python).get("packages", {}).get("uvicorn", "")))


def installed_uvicorn_version(python: str) -> Version:
    """Returns the same from the names of the files beside the interpreter, which is not run."""
    return _version(_installed_uvicorn(python))


def server_sentence(python: str, server: str = "uvicorn") -> str:
    """Returns which server serves the app, in which interpreter, and what differs from a newer uvicorn."""
    if ".." in (path := Path(python)).parts:
        python = str(path.parent.resolve() / path.name)  # the interpreter's own link is its environment
    if server != "uvicorn":
        return f"{server} with {python}; the probe counts the requests, around the app"
    found = _installed_uvicorn(python)
    return f"uvicorn {found or 'of unknown version'} of {python}{_remark(_version(found))}"


def old_server(python: str) -> str:
    """Returns the same about an old uvicorn; empty for a newer one."""
    return server_sentence(python) if _remark(installed_uvicorn_version(python)) else ""


def _installed_uvicorn(python: str) -> str:
    found = Path(python).parent.parent.glob("lib*/python*/*-packages/uvicorn-*.dist-info")
    return next((path.name.removeprefix("uvicorn-").removesuffix(".dist-info") for path in found), "")


def _version(text: str) -> Version:
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else UNKNOWN


def _remark(version: Version) -> str:
    if version < OLDEST_UVICORN:
        return "; loopbench needs uvicorn 0.20 or newer"
    return "" if version >= LOOP_FACTORY_SINCE else "; older than 0.36: the probe is attached by sitecustomize"


@cache
def ask_python(python: str) -> dict[str, Any]:
    """Returns version, packages and uvicorn's defaults of an interpreter, which is started once per process for it.

    It runs with the user's environment, as the target will, but in the root folder, where no file of the user can be
    imported as a module.

    Returns:
        {"python": {...}, "packages": {...}, "server_defaults": {...}}, or {"python": {"version": "not observable..."}}.
    """
    try:
        printed = output_of([python, "-c", QUESTION, *TARGET_PACKAGES], timeout_s=ASK_S, cwd=Path("/"))
        answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return _no_answer(f"it did not answer within {ASK_S:g} s")
    except subprocess.CalledProcessError as problem:
        return _no_answer(f"it ended with exit code {problem.returncode}")
    except (OSError, ValueError, IndexError) as problem:
        return _no_answer(type(problem).__name__)
    return answer


def _no_answer(reason: str) -> dict[str, Any]:
    return {"python": {"version": not_observable(reason)}}
