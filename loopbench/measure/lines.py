"""Copies the source text around the target's busiest lines into the run's folder, before the files change.

Only regular text files below the target's own folder are read: a line elsewhere is named, but its text is not copied.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loopbench.records import probe
from loopbench.records.session import TARGET_LOG
from loopbench.records.source_lines import LINES_FILE, MAX_CHARACTERS, SourceLine, write_lines
from loopbench.secrecy import hidden

MAX_LINES: Final = 20
AROUND: Final = 3  # lines kept before and after each
MAX_BYTES: Final = 1_000_000  # the largest source file that is read; a larger one was generated


def capture_lines(folder: Path, app_dir: Path) -> None:
    """Write `lines.json` into a run's folder, from the probe's logs there."""
    started_s = probe.started_unix_s(folder)
    places = probe.lines_by_time(folder)[:MAX_LINES]
    write_lines(folder, tuple(_captured(file, line, app_dir.resolve(), started_s) for file, line in places))


def rename_folders(folder: Path, renamed: Mapping[str, str]) -> None:
    """Name folders of the target's code differently in everything that a run recorded of it.

    Args:
        folder: the run's, when the target has ended.
        renamed: paths of folders that will be deleted, and of what they are copies of.
    """
    names = [(json.dumps(old)[1:-1], json.dumps(new)[1:-1]) for old, new in renamed.items()]
    for path in (*folder.glob(probe.GLOB), folder / LINES_FILE, folder / TARGET_LOG) if renamed else ():
        content = path.read_bytes()
        for old, new in (*renamed.items(), *names):
            content = content.replace(old.encode(), new.encode())
        path.write_bytes(content)


def _captured(name: str, line: int, app_dir: Path, started_s: float | None) -> SourceLine:
    try:
        text = _source(Path(name), app_dir, started_s)
    except (_NotKeptError, OSError, UnicodeDecodeError, ValueError) as problem:
        return SourceLine(name, line, 0, (), _reason(problem))
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return SourceLine(name, line, 0, (), "the file has no such line")
    first = max(1, line - AROUND)
    shown = tuple(hidden(each)[:MAX_CHARACTERS] for each in lines[first - 1 : line + AROUND])
    return SourceLine(name, line, first, shown, "")


class _NotKeptError(Exception):
    """The reason why a file's text is not copied."""


def _reason(problem: Exception) -> str:
    if isinstance(problem, _NotKeptError):
        return str(problem)
    if isinstance(problem, OSError):
        return f"the file cannot be read: {problem.strerror}"
    return "the file is not UTF-8 text"


def _source(path: Path, app_dir: Path, started_s: float | None) -> str:
    if not path.is_absolute():
        raise _NotKeptError("the code was generated: it has no file")
    path = path.resolve()
    if not path.is_relative_to(app_dir):
        raise _NotKeptError("the file is outside app_dir")
    if not path.is_file():
        raise _NotKeptError("there is no such regular file")
    facts = path.stat()
    if facts.st_size > MAX_BYTES:
        raise _NotKeptError(f"the file is larger than {MAX_BYTES:,} bytes")
    if started_s is None or facts.st_mtime > started_s:
        raise _NotKeptError("the file was changed after the target was started")
    return path.read_text(encoding="utf-8")
