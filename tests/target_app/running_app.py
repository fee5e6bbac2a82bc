"""Runs an app of ours under real uvicorn for a test, and sends many requests to it at once."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving import ask, free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def running(app: str, *options: str, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Yield the app's port when it answers; at the end, terminate it and require that it exits."""
    with running_process(app, *options, env=env) as (port, _):
        yield port


@contextmanager
def running_process(
    app: str, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Yield port and process, for a test that kills it."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--app-dir", str(ROOT), "--port", str(port), *options]
    command += ["--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ | (env or {}), stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "it never answered"
            time.sleep(0.05)
        yield port, process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask_all(port: int, paths: Sequence[str], method: str = "GET") -> list[Any]:
    """Send all requests at once and return the bodies in the order of the paths."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return [body for _, _, body in pool.map(lambda path: ask(port, path, method), paths)]


def eventually(ask_again: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Repeat a request until its answer fits, and return it. The request itself takes time, so this does not spin."""
    for _ in range(3_000):
        answer = ask_again()
        if wanted(answer):
            return answer
    raise AssertionError(f"it never came true; the last was {answer}")


def _answers(port: int) -> bool:
    try:
        ask(port, "/hello")
    except OSError:
        return False
    return True
