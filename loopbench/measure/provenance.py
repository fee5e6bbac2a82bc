"""Where the measured code comes from: git states, the target's own Python and packages, the server's settings.

Nothing secret is recorded: no values of variables, no remote addresses, no header values.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loopbench.measure.processors import not_observable
from loopbench.measure.target import command
from loopbench.scenario import Scenario

ASK_S: Final = 10.0
GIT: Final = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
TARGET_PACKAGES: Final = ("uvicorn", "fastapi", "starlette", "anyio", "uvloop", "httptools")
NOT_RECORDED: Final = frozenset({"--header", "--host", "--port", "--app-dir"})
"""Different in every run, or another field of the record."""

UNUSED: Final = ("ssl_", "ws", "reload")
"""Settings that no run uses: a scenario cannot ask for TLS, web sockets or reloading."""

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


def describe(scenario: Scenario) -> dict[str, Any]:
    """Returns all of it, for `session.json`. Starts each interpreter once and git three times for each folder.

    For a target that is served elsewhere, only the scenario's own folder is known.

    Returns:
        "git": state by folder (the scenario's, the apps'); "pythons": answers of `ask_python` by interpreter;
        "servers": effective settings by variant slug.
    """
    every = {scenario.slug(index): scenario.target_of(each) for index, each in enumerate(scenario.variants)}
    targets = {slug: target for slug, target in every.items() if target.url is None}
    commands = {slug: command(scenario, target, "", 0) for slug, target in targets.items()}
    folders = {scenario.file.parent, *(scenario.file.parent / target.app_dir for target in targets.values())}
    pythons = {python: ask_python(python) for python in dict.fromkeys(each[0] for each in commands.values())}
    return {
        "git": {str(folder): git_state(folder) for folder in sorted({folder.resolve() for folder in folders})},
        "pythons": {
            python: {part: value for part, value in answer.items() if part != "server_defaults"}
            for python, answer in pythons.items()
        },
        "servers": {
            slug: server_settings(each, pythons[each[0]].get("server_defaults", {})) for slug, each in commands.items()
        },
    }


def git_state(folder: Path) -> dict[str, Any]:
    """Commit of the repository a folder lies in, whether tracked files differ from it, and Python files of the folder.

    Returns:
        {"commit": str, "dirty": bool, "python_dirty": bool}; {"commit": a sentence that begins with "not observable"}
        where git cannot say.
    """
    try:
        commit = clean_git(folder, "rev-parse", "HEAD")
        dirty = bool(clean_git(folder, "status", "--porcelain", "--untracked-files=no"))
        return {"commit": commit, "dirty": dirty, "python_dirty": python_differs(folder, commit)}
    except FileNotFoundError:
        return {"commit": not_observable("git is not installed")}
    except subprocess.TimeoutExpired:
        return {"commit": not_observable(f"git did not answer within {ASK_S:g} s")}
    except (subprocess.CalledProcessError, OSError):
        return {"commit": not_observable("the folder is in no git repository, or in one without a commit")}


def python_differs(folder: Path, commit: str) -> bool:
    """Whether a Python file below a folder has changed since a commit, or git cannot compare them."""
    try:
        clean_git(folder, "diff", "--quiet", commit, "--", "*.py")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError):
        return True
    return False


def clean_git(folder: Path, *arguments: str) -> str:
    """What one git command prints, in the user's repository but not under the user's variables and hooks.

    Raises:
        FileNotFoundError, OSError: there is no git, or it cannot be started.
        subprocess.CalledProcessError, subprocess.TimeoutExpired: it failed, or took too long.
    """
    done = subprocess.run(
        [*GIT, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=ASK_S,
        check=True,
        stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    )
    return done.stdout.strip()


def ask_python(python: str) -> dict[str, Any]:
    """Version, packages and uvicorn's defaults of the interpreter a target runs in, asked of it once.

    It runs with the user's environment, as the target will, but in the root folder, where no file of the user can be
    imported as a module.

    Returns:
        {"python": {...}, "packages": {...}, "server_defaults": {...}}, or {"python": {"version": "not observable..."}}.
    """
    try:
        done = subprocess.run(
            [python, "-c", QUESTION, *TARGET_PACKAGES],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_S,
            check=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return _no_answer(f"it did not answer within {ASK_S:g} s")
    except subprocess.CalledProcessError as problem:
        return _no_answer(f"it ended with exit code {problem.returncode}")
    except (OSError, ValueError, IndexError) as problem:
        return _no_answer(type(problem).__name__)
    return answer


def _no_answer(reason: str) -> dict[str, Any]:
    return {"python": {"version": not_observable(reason)}}


def server_settings(arguments: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Effective settings of the server: uvicorn's defaults, and over them what our command line gives.

    Args:
        arguments: as `target.command` builds it: "--name value" or "--no-name".
        defaults: `server_defaults` of `ask_python`.
    """
    options = arguments[arguments.index("uvicorn") + 2 :]
    given: dict[str, Any] = {}
    for at, option in enumerate(options):
        if not option.startswith("--") or option in NOT_RECORDED:
            continue
        value = options[at + 1] if at + 1 < len(options) else ""
        if value and not value.startswith("--"):
            given[_setting(option)] = value
        else:
            given[_setting(option.replace("--no-", "--", 1))] = not option.startswith("--no-")
    skipped = {_setting(option) for option in NOT_RECORDED}
    kept = {name: value for name, value in defaults.items() if name not in skipped and not name.startswith(UNUSED)}
    return kept | given


def _setting(option: str) -> str:
    """The name uvicorn.Config has for an option."""
    return option.removeprefix("--").replace("-", "_")
