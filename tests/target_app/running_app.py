"""Runs an app of ours under real uvicorn for a test, and sends many requests to it at once."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from loopbench.measure.target import free_port
from tests.serving import ask, untraced

ROOT = Path(__file__).parents[2]
PATIENCE_S: Final = 120.0
"""How long to wait for an event. Nothing is measured with it."""

LOOK_AGAIN_S: Final = 0.02
"""Between two looks: asking without a pause would keep a core busy."""


@contextmanager
def running(app: str, *options: str, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Yield its port as soon as it answers. It is ended as an operator would end it, and has to end."""
    with running_process(app, *options, env=env) as (port, _):
        yield port


@contextmanager
def running_process(
    app: str, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Yield port and process, for a test that does worse to it than an operator would."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--app-dir", str(ROOT), "--port", str(port), *options]
    command += ["--log-level", "warning"]
    process = subprocess.Popen(command, env=untraced() | dict(env or {}), stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(port):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "it never answered"
            time.sleep(LOOK_AGAIN_S)
        yield port, process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def ask_all(port: int, paths: Sequence[str], method: str = "GET") -> list[Any]:
    """Send all requests at once and return the bodies in the order of the paths."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return [body for _, _, body in pool.map(lambda path: ask(port, path, method), paths)]


def eventually(ask_again: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Ask until the answer is a wanted one; return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(answer := ask_again()):
        assert time.monotonic() < deadline, f"it never came true; the last was {answer}"
        time.sleep(LOOK_AGAIN_S)
    return answer


def _answers(port: int) -> bool:
    try:
        ask(port, "/hello")
    except OSError:
        return False
    return True
