"""Asks a program: what it prints, within bounds of time and size, and without a trace of it afterwards."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from loopbench.measure.supervise import under_minder

MAX_PRINTED_BYTES: Final = 64_000_000
POLL_S: Final = 0.2


def output_of(
    command: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    errors: str = "replace",
) -> str:
    """Return what a short command prints on stdout. Its tree ends with it, with the time, and with this process.

    Args:
        command: a program that does not exist ends with exit code 127, as in a shell.
        timeout_s: how long it may take.
        cwd: where it runs; by default where this process does.
        env: its variables; by default those of this process.
        errors: what becomes of bytes that are not UTF-8, as in `bytes.decode`.

    Raises:
        subprocess.CalledProcessError, subprocess.TimeoutExpired: it failed, printed too much, or took too long.
    """
    lifeline, held = os.pipe()
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
        process = subprocess.Popen(
            under_minder(command, lifeline),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=complained,
            pass_fds=(lifeline,),
        )
        os.close(lifeline)
        with process:  # waits for the minder
            try:
                _await_end(process, command, timeout_s, (printed, complained))
            finally:
                os.close(held)
        output, complaint = (os.pread(file.fileno(), MAX_PRINTED_BYTES, 0) for file in (printed, complained))
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=complaint.decode(errors=errors))
    return output.decode(errors=errors)


def _await_end(
    process: subprocess.Popen[bytes], command: Sequence[str], timeout_s: float, outputs: Sequence[IO[bytes]]
) -> None:
    """Wait for the end of a process that may print only so much: git prints a small repository's files without end."""
    ends_s = time.monotonic() + timeout_s
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
        if any(os.fstat(file.fileno()).st_size > MAX_PRINTED_BYTES for file in outputs):
            raise subprocess.CalledProcessError(1, command, stderr=f"more than {MAX_PRINTED_BYTES:,} bytes")
        if process.returncode is not None:
            return
        if time.monotonic() > ends_s:
            raise subprocess.TimeoutExpired(command, timeout_s)
