"""`baselines.json` in the folder of a scenario's sessions: the names that `--save-baseline` gave to sessions."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import DataError, UsageError
from loopbench.records.codec import read_json, to_json
from loopbench.records.files import write_file

BASELINES_FILE: Final = "baselines.json"
BASELINES_FORMAT: Final = 1
MAX_BYTES: Final = 1_000_000
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Of a baseline, and of the folder that it names: neither leads to another folder."""

ALLOWED: Final = "letters, digits, dot, hyphen and underscore, at most 64, the first a letter or a digit"


@dataclass(frozen=True)
class _Baselines:
    format: int
    sessions: dict[str, str]


def read_baselines(scenario_folder: Path) -> dict[str, str]:
    """Return the names of the session folders by the names of the baselines; empty where none was saved.

    Raises:
        DataError: the file is damaged, of a newer format, or names a folder elsewhere.
    """
    path = scenario_folder / BASELINES_FILE
    read = read_json(_Baselines, path, MAX_BYTES)
    if read is None:
        return {}
    foreign = [name for name in read.sessions.values() if not PLAIN_NAME.fullmatch(name)]
    if read.format != BASELINES_FORMAT or foreign:
        what = f"it names {foreign[0][:60]!r}" if foreign else f"it has format {read.format}, not {BASELINES_FORMAT}"
        raise DataError(f"the baselines cannot be used: {what}", slug="baselines", where=str(path))
    return read.sessions


def check_baseline_name(name: str) -> None:
    """Check the name of a new baseline."""
    if not PLAIN_NAME.fullmatch(name):
        raise UsageError(f"a baseline cannot be called {name[:60]!r}", slug="baseline-name", allowed=ALLOWED)


def save_baseline(session: Path, name: str) -> None:
    """Let a name mean this session; another session of the scenario loses it.

    Raises:
        DataError: as for `read_baselines`.
        UsageError: the session's folder has a name that the file cannot hold.
        OSError: the file cannot be written.
    """
    folder = session.resolve()
    if not PLAIN_NAME.fullmatch(folder.name):
        what = f"a session in a folder called {folder.name[:60]!r} cannot be a baseline"
        raise UsageError(what, slug="baseline-name", where=str(folder), allowed=ALLOWED)
    sessions = read_baselines(folder.parent) | {name: folder.name}
    write_file(folder.parent / BASELINES_FILE, to_json(_Baselines(BASELINES_FORMAT, sessions)))
