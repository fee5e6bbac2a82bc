"""Where the measured code comes from: git states, the target's own Python and packages, the server's settings.

Nothing secret is recorded: no values of variables, no remote addresses, no header values.
"""

import errno
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loopbench.errors import DataError
from loopbench.measure.interpreter import ask_python
from loopbench.measure.machine import not_observable
from loopbench.measure.programs import output_of
from loopbench.measure.target import command
from loopbench.records.files import read_file
from loopbench.records.probe import SERVED_APP
from loopbench.scenario import Scenario

ASK_S: Final = 10.0
GIT: Final = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "safe.bareRepository=explicit"),  # no folder of the app is taken for a repository's inside
)
SHA1_DIGITS: Final = 40
MAX_PYTHON_FILES: Final = 20_000
MAX_SOURCE_BYTES: Final = 16_000_000
NOT_OWN_CODE: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
NOT_RECORDED: Final = frozenset({"--header", "--host", "--port", "--app-dir"})
"""Different in every run, secret, or another field of the record."""

UNUSED: Final = ("ssl_", "ws", "reload")
"""Settings that no run uses: a scenario cannot ask for TLS, web sockets or reloading."""


def describe(scenario: Scenario) -> dict[str, Any]:
    """Returns all of it, for `session.json`. Starts each interpreter once and git twice for each folder.

    For a target that is served elsewhere, only the scenario's own folder is known.

    Returns:
        "git": state and digest of the code by folder (the scenario's, the apps'); "pythons": answers of
        `ask_python` by interpreter; "servers": effective settings by variant slug.
    """
    every = {each.slug: each.served for each in scenario.variants}
    targets = {slug: target for slug, target in every.items() if target.url is None}
    commands = {slug: command(scenario, target, 0) for slug, target in targets.items()}
    pythons = {python: ask_python(python) for python in dict.fromkeys(each[0] for each in commands.values())}
    return {
        "git": {str(each): git_state(each) | {"code": code_digest(each)} for each in code_folders(scenario)},
        "pythons": {
            python: {part: value for part, value in answer.items() if part != "server_defaults"}
            for python, answer in pythons.items()
        },
        "servers": {
            slug: server_settings(each, pythons[each[0]].get("server_defaults", {})) for slug, each in commands.items()
        },
    }


def code_folders(scenario: Scenario) -> tuple[Path, ...]:
    """The folders whose code is measured: the scenario's own, and those of the apps that are started."""
    targets = (each.served for each in scenario.variants)
    folders = {".", *(target.app_dir for target in targets if target.url is None)}
    return tuple(sorted({(scenario.file.parent / folder).resolve() for folder in folders}))


def git_state(folder: Path) -> dict[str, Any]:
    """Commit of the repository a folder lies in, and whether Python files below the folder differ from it.

    git only reads objects here: the files are compared without it, because a repository may name programs that git
    would run to compare a file (filters, text conversions, monitors).

    Returns:
        {"commit": str, "dirty": bool}; {"commit": a sentence that begins with "not observable"} where git cannot say.
    """
    try:
        commit = git_of(folder, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
        listed = git_of(folder, "ls-tree", "-r", "-z", "--end-of-options", commit)
    except FileNotFoundError:
        return {"commit": not_observable("git is not installed")}
    except subprocess.TimeoutExpired:
        return {"commit": not_observable(f"git did not answer within {ASK_S:g} s")}
    except (subprocess.CalledProcessError, OSError):
        return {"commit": not_observable("the folder is in no git repository, or in one without a commit")}
    kind = "sha1" if len(commit) == SHA1_DIGITS else "sha256"
    entries = [entry.partition("\t") for entry in listed.split("\0") if entry.endswith(".py")]
    return {
        "commit": commit,
        "dirty": any(_blob(folder / name, kind) != facts.split()[2] for facts, _, name in entries),
    }


def code_digest(folder: Path) -> str | None:
    """A digest of every Python file below a folder, installed packages left out; None if there are too many files."""
    digest, count = hashlib.sha256(), 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _may_be_own_code(Path(parent, name)))
        for path in sorted(Path(parent, name) for name in names if name.endswith(".py")):
            count += 1
            if count > MAX_PYTHON_FILES:
                return None
            digest.update(f"{path.relative_to(folder)}\0{_blob(path)}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _may_be_own_code(folder: Path) -> bool:
    return not (folder.name.startswith(".") or folder.name in NOT_OWN_CODE or (folder / "pyvenv.cfg").exists())


def _blob(path: Path, kind: str = "sha256") -> str:
    """The name that git gives to a file's content, or to the target of a link; empty if it cannot be read."""
    try:
        content = os.fsencode(path.readlink()) if path.is_symlink() else read_file(path, MAX_SOURCE_BYTES)
    except (DataError, OSError):
        return ""
    return hashlib.new(kind, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def git_of(folder: Path, *arguments: str) -> str:
    """What one git command prints about the repository that a folder lies in. See `clean_git` for what it raises.

    Its files lie where its `.git` is, whatever its `core.worktree` names: that may be a folder of the user's.
    """
    parents = (folder.resolve(), *folder.resolve().parents)
    top = next((each for each in parents if any(map(os.path.isfile, (each / ".git", each / ".git" / "HEAD")))), None)
    return clean_git(folder, *([f"--work-tree={top}"] if top else []), *arguments)


def clean_git(folder: Path, *arguments: str, protocols: str = "none") -> str:
    """What one git command prints, in the user's repository but not under the user's variables and hooks.

    Args:
        folder: where it runs.
        arguments: the command; only such that apply no filter to the user's files.
        protocols: which git may use to fetch objects; by default none, whatever the repository's settings name.

    Raises:
        FileNotFoundError, OSError: there is no git, or it cannot be started.
        subprocess.CalledProcessError, subprocess.TimeoutExpired: it failed, or took too long.
    """
    if shutil.which(GIT[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), GIT[0])
    printed = output_of(
        [*GIT, "-C", str(folder), *arguments],
        timeout_s=ASK_S,
        env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        | {"GIT_ALLOW_PROTOCOL": protocols, "GIT_TERMINAL_PROMPT": "0"},
        errors="surrogateescape",
    )
    return printed.strip()


def server_settings(arguments: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Effective settings of the server: uvicorn's defaults, and over them what our command line gives.

    Args:
        arguments: as `target.command` builds it: "--name value" or "--no-name"; of another server, the whole line.
        defaults: `server_defaults` of `ask_python`.
    """
    if SERVED_APP in arguments:
        return {"command": " ".join(arguments)}
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
