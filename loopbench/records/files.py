"""Reads and writes the files of a folder that may come from a stranger, such as a session's.

`check_folder` looks at every entry before the first file is read or written. After that, no link is followed, nothing
but a regular file is opened, no more is read than such a file may hold, and a file is replaced, never written into.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from loopbench.errors import DataError

MAX_FILES: Final = 200_000
MAX_DEPTH: Final = 8
MAX_BYTES: Final = 64_000_000_000
MAX_FILE_BYTES: Final = 2_000_000_000  # limit of a single file: 14 hours of samples at 1,000 requests per second
MAX_JSON_BYTES: Final = 64_000_000  # and of one that does not grow with every request: such as `run.json`


def check_folder(folder: Path) -> None:
    """Check every entry below a session's folder.

    Raises:
        DataError: one is a symbolic link, or neither file nor folder; or they are too many, too large or too deep to
            be ours.
    """
    files, total_bytes = 0, 0
    for parent, folders, names in os.walk(folder):
        if len(Path(parent).relative_to(folder).parts) > MAX_DEPTH:
            raise _hostile(f"{parent} lies deeper than any folder of a session", folder)
        for name in (*folders, *names):
            path = Path(parent, name)
            try:
                about = path.lstat()
            except FileNotFoundError:  # the session is being measured
                continue
            if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
                raise _hostile(f"{path} is {_kind(about.st_mode)}; a session holds files and folders only", folder)
            files, total_bytes = files + 1, total_bytes + about.st_size
            if max(files / MAX_FILES, total_bytes / MAX_BYTES, about.st_size / MAX_FILE_BYTES) > 1:
                raise _hostile(f"{path} and what lies beside it are more than any session writes", folder)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading. A link is not followed, and a FIFO without a writer does not block.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it is not a regular file, or cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise DataError(f"{path} is not a regular file")
    return file


def read_optional(path: Path, max_bytes: int = MAX_JSON_BYTES) -> bytes | None:
    """Return the content of a regular file; None if there is no such file.

    Raises:
        DataError: it is not a regular file, cannot be read, or is larger than `max_bytes`.
    """
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(max_bytes + 1) if size <= max_bytes else b""
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from None
    if max(size, len(content)) > max_bytes:
        raise DataError(f"{path} is larger than {max_bytes / 1e6:,.0f} MB: no loopbench has written it")
    return content


def read_file(path: Path, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Return the content of a regular file. Raises DataError as `read_optional` does, or if there is none."""
    content = read_optional(path, max_bytes)
    if content is None:
        raise DataError(f"there is no {path}")
    return content


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty new file beside `path`, which takes its place at the end: a reader sees the old file or the new.

    A link at `path` is replaced, not followed, and so is a file that has a second name elsewhere.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_file(path: Path, text: str) -> None:
    """Replace a file's content completely or not at all. Raises OSError if it cannot be written."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def _kind(mode: int) -> str:
    return "a symbolic link" if stat.S_ISLNK(mode) else "a device, a pipe or a socket"


def _hostile(what: str, folder: Path) -> DataError:
    hint = "copy the session without it, if you trust where it comes from"
    return DataError(what, slug="session-hostile", where=str(folder), hints=(hint,), kept="nothing was read or written")
