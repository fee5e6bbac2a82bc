"""Writing a session folder: complete run folders or none, nothing overwritten, everything flushed to the disk."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from loopbench.errors import EnvironmentRefusedError
from loopbench.records.codec import to_json
from loopbench.records.session import RUN_FILE, RUNS_FOLDER, SESSION_FILE, RunRecord, SessionRecord

BYTES_NEEDED = 200_000_000  # free space required before the first run; a full `make bench` wrote less than 30 MB


def new_session_folder(parent: Path) -> Path:
    """Create a folder for a session, named after the time; raises as `new_folder`."""
    folder = new_folder(parent)
    (folder / RUNS_FOLDER).mkdir()
    return folder


def new_folder(parent: Path) -> Path:
    """Create a folder named after the time."""
    name = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    try:
        folder = _create(parent, name)
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        raise EnvironmentRefusedError(
            f"results cannot be written: {problem.strerror}",
            slug="results-folder",
            where=str(problem.filename or parent),
            hints=("loopbench run SCENARIO --out DIR",),
        ) from None
    if free < BYTES_NEEDED:
        raise EnvironmentRefusedError(
            f"only {free // 1_000_000} MB are free where the results go, {BYTES_NEEDED // 1_000_000} MB are wanted",
            slug="disk-full",
            where=str(folder),
            hints=("loopbench run SCENARIO --out DIR",),
        )
    return folder


def _create(parent: Path, name: str) -> Path:
    """Create the first free of NAME, NAME-2, NAME-3: two sessions may begin in one second."""
    for attempt in range(1, 100):
        folder = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise
            continue
        return folder
    raise FileExistsError(17, "too many sessions with this name", str(parent / name))


def write_session(folder: Path, record: SessionRecord) -> None:
    """Write `session.json`."""
    write_durably(folder / SESSION_FILE, to_json(record))
    _sync(folder)


def begin_run(session_folder: Path, run_folder: str) -> Path:
    """Create a folder for an attempt, under a name that does not count yet."""
    runs = session_folder / RUNS_FOLDER
    attempt = 1
    while (path := runs / f".{run_folder}.attempt-{attempt}").exists():
        attempt += 1
    path.mkdir()
    return path


def attempt_of(path: Path) -> int:
    """Returns the number of the attempt in a folder of `begin_run`."""
    return int(path.name.rpartition("-")[2])


def run_path(session_folder: Path, run_folder: str) -> Path:
    """Returns the folder of a run that counts."""
    return session_folder / RUNS_FOLDER / run_folder


def finish_run(path: Path, record: RunRecord) -> None:
    """Flush an attempt to the disk, `run.json` last. It does not count yet."""
    for file in path.iterdir():
        _sync(file)
    write_durably(path / RUN_FILE, to_json(record))
    _sync(path)


def commit_run(path: Path, run_folder: str) -> Path:
    """Make a finished attempt count: give it the final name."""
    final = path.with_name(run_folder)
    path.rename(final)
    _sync(final.parent)
    return final


def now_iso() -> str:
    """Returns the wall clock time in UTC."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


def write_durably(path: Path, text: str) -> None:
    """Write a file completely or not at all: a kill leaves only a part under another name."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with part.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
    _sync(part)
    part.rename(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as problem:
        problem.filename = str(path)  # the system names none, and the user wants to know which disk it was
        raise
    finally:
        os.close(descriptor)
