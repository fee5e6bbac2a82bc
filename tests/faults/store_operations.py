"""Walks through everything the store does, and fails or dies at the Nth operation: N = 1, 2, 3... until it passes.

    python store_operations.py MODE FOLDER

One child process for each N, in a folder of its own below FOLDER. Modes: `kill before`, `kill after`, `kill half` (half
of what is written is on the disk), or the name of an error (`ENOSPC`). Single-threaded, so that forking is safe.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loopbench.measure import store
from loopbench.records.codec import from_json
from loopbench.records.session import RunRecord, SessionRecord, read_run, run_folders

RUN = "0001-ramp-before"
MOST_OPERATIONS = 100


class Fault:
    """Counts operations; at the Nth it does what the mode says."""

    def __init__(self, mode: str, number: int) -> None:
        self.mode = mode
        self._left = number

    def at(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The same operation, counted."""

        def operation(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left:
                return original(*arguments, **options)
            if self.mode.startswith("E"):
                raise OSError(getattr(errno, self.mode), os.strerror(getattr(errno, self.mode)))
            if self.mode == "kill half" and original is io.TextIOWrapper.write:
                file, text = arguments
                original(file, text[: len(text) // 2])
                file.flush()
            elif self.mode != "kill before":
                with contextlib.suppress(OSError):  # a parent that is missing is an operation too
                    original(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("a dead process goes on")

        return operation


class CountedFile(io.TextIOWrapper):
    """A text file whose writes are operations."""


def plant(fault: Fault) -> None:
    """Count every way in which the store touches the disk."""
    for name in ("mkdir", "open", "fsync", "rename"):
        setattr(os, name, fault.at(getattr(os, name)))
    CountedFile.write = fault.at(io.TextIOWrapper.write)  # type: ignore[method-assign]
    plain_open = io.open

    def counted_open(path: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if mode != "w":
            return plain_open(path, mode, *rest, **options)
        return CountedFile(plain_open(path, "wb"), encoding="utf-8")

    io.open = fault.at(counted_open)


def walk(folder: Path, session: SessionRecord, run: RunRecord) -> None:
    """A session of one run, as the harness writes it; goes on where an earlier walk ended."""
    sessions = list(folder.glob("*/session.json"))
    place = sessions[0].parent if sessions else store.new_session_folder(folder)
    if not sessions:
        store.write_session(place, session)
    if store.run_path(place, RUN).is_dir():
        return
    attempt = store.begin_run(place, RUN)
    (attempt / "samples-0.bin").write_bytes(b"samples")
    store.finish_run(attempt, run)
    store.commit_run(attempt, RUN)


def main(mode: str, base: Path, session: SessionRecord, run: RunRecord) -> int:
    """How many operations were failed before it passed untouched."""
    for number in range(1, MOST_OPERATIONS):
        folder = base / str(number)
        child = os.fork()
        if child == 0:
            plant(Fault(mode, number))
            try:
                walk(folder, session, run)
            except Exception:  # noqa: BLE001  what it is, the test looks at in the folder
                os._exit(1)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return number - 1
    raise AssertionError("it never passed")


if __name__ == "__main__":
    mode, base, example = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    the_session = from_json(SessionRecord, (example / "session.json").read_bytes(), "session.json")
    the_run = read_run(next(run_folders(example)))
    print(main(mode, base, the_session, the_run))  # noqa: T201  read by the test
