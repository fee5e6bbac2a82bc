"""Serves the bundled target app alone, for use with curl."""

import os
import socket
import sys

from loopbench import bundled
from loopbench.errors import EnvironmentRefusedError
from loopbench.measure import environment
from loopbench.measure.open_files import allow_open_files


def serve_target_app(port: int, loop: str) -> None:
    """Replace this process by uvicorn. Does not return. Raises EnvironmentRefusedError if the port is taken.

    It runs in the app's folder, as in `run`: Python imports modules from the working folder.
    """
    check_free(port)
    command = [sys.executable, "-m", "uvicorn", "target_app.main:app", "--app-dir", str(bundled.FOLDER)]
    options = ["--host", "127.0.0.1", "--port", str(port), "--loop", loop, "--http", "httptools", "--workers", "1"]
    allow_open_files()
    os.chdir(bundled.FOLDER)
    os.execve(sys.executable, command + options, environment.for_target({}))  # noqa: S606  no shell is wanted


def check_free(port: int) -> None:
    """Check that a port is free before anything is started."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as problem:
        raise EnvironmentRefusedError(
            f"port {port} cannot be used: {problem.strerror}",
            slug="port-taken",
            where=f"127.0.0.1:{port}",
            hints=(f"--port {port + 1}", f"fuser -v {port}/tcp"),
        ) from None
