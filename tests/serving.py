"""A loopbench command that serves, for as long as a test needs it."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOOPBENCH = Path(sys.executable).with_name("loopbench")


def untraced() -> dict[str, str]:
    """Return this process's environment without test coverage, which slows a server down and changes its diagnosis."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


@contextmanager
def serving(*arguments: str, port: int, cwd: Path) -> Iterator[None]:
    """Run it until its port answers; end it as a person would, and see that it does end."""
    process = subprocess.Popen([LOOPBENCH, *arguments, "--port", str(port)], cwd=cwd, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "it never answered"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(port: int, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: str = "") -> Any:
    """Status, headers and body (JSON if it is) of one request."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body=body or None, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
    is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
    return answer.status, dict(answer.getheaders()), json.loads(text) if is_json else text


def _answers(port: int) -> bool:
    try:
        ask(port, "/")
    except OSError:
        return False
    return True
