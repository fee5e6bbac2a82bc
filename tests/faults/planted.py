"""loopbench with a fault planted in it: `python planted.py FAULT run ...` is `loopbench run ...` that meets the fault.

The product has no hook for this: the faults are patched into the standard library of this process alone.
"""

import errno
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final


def with_planted(fault: str) -> tuple[str, ...]:
    """Command line of a loopbench that meets a fault."""
    return (sys.executable, str(Path(__file__)), fault)


def _failing(original: Callable[..., Any], code: int, applies: Callable[..., bool]) -> Callable[..., Any]:
    """The same call, but where it applies the system says no."""

    def call(*arguments: Any, **options: Any) -> Any:
        if applies(*arguments):
            raise OSError(code, os.strerror(code))
        return original(*arguments, **options)

    return call


def bug() -> None:
    """An error that no code expects."""
    from loopbench.measure import run  # noqa: PLC0415  as late as the product itself

    def measure_canary(*_: object) -> float:
        raise ZeroDivisionError("a bug that was planted")

    setattr(run, "measure_canary", measure_canary)  # noqa: B010  it is imported there, not exported


def fsync_eio() -> None:
    """The disk loses what it was given."""
    os.fsync = _failing(os.fsync, errno.EIO, lambda _: True)


def rename_exdev() -> None:
    """The run's folder cannot get its name."""
    os.rename = _failing(os.rename, errno.EXDEV, lambda path, _: ".attempt-" in Path(path).name)


def read_only() -> None:
    """The disk has turned read-only when a run begins."""
    os.mkdir = _failing(os.mkdir, errno.EROFS, lambda path, *_: ".attempt-" in Path(path).name)


def disk_full() -> None:
    """No disk space for the last file of a run."""
    io.open = _failing(io.open, errno.ENOSPC, lambda path, *_: "run.json" in str(path))


def clock_steps() -> None:
    """The wall clock is an hour ahead at one look and an hour behind at the next."""
    original, looks = time.time, [0]

    def stepping() -> float:
        looks[0] += 1
        return original() + (3600 if looks[0] % 2 else -3600)

    time.time = stepping


FAULTS: Final = {
    "bug": bug,
    "fsync EIO": fsync_eio,
    "rename EXDEV": rename_exdev,
    "read-only": read_only,
    "disk full": disk_full,
    "clock steps": clock_steps,
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    from loopbench.cli import main

    main()
