"""A real uvicorn with the probe attached, for tests, and the app it serves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopbench.measure.target import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve()
PROBE_FOLDER = HERE.parents[2] / "probe"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Return the size of anyio's limiter, run a job in a thread, or block, depending on the path."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = await _work(scope["path"])
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _work(path: str) -> bytes:
    import anyio.to_thread  # noqa: PLC0415  the tests import this module for its other half

    if path == "/thread":
        await asyncio.to_thread(time.sleep, 0.001)
        await anyio.to_thread.run_sync(time.sleep, 0.001)
    if path == "/executor":
        return await _busy_threads()
    if path == "/frozen":
        return b"%d" % gc.get_freeze_count()
    if path == "/block":
        time.sleep(0.2)  # noqa: ASYNC251  the point of it
    if path == "/wait":
        await asyncio.sleep(0.3)
    return b"%d" % anyio.to_thread.current_default_thread_limiter().total_tokens


async def _busy_threads() -> bytes:
    """Return how many threads the default executor has started for ten jobs that wait for each other."""
    go_on, loop = threading.Event(), asyncio.get_running_loop()
    jobs = [loop.run_in_executor(None, go_on.wait, 20) for _ in range(10)]
    threads = sum(thread.name.startswith(("asyncio_", "uvloop_")) for thread in threading.enumerate())
    go_on.set()
    await asyncio.gather(*jobs)
    return b"%d" % threads


class Target:
    """A started server, its requests, and its probe's records.

    Args:
        folder: where the probe writes.
        command: arguments of Python.
        environ: variables on top of ours.
        traced: measure the server's test coverage too, which slows it down.
        log: where its output goes; None: kept for `stop_by_force`.
        python: its interpreter.
    """

    def __init__(
        self,
        folder: Path,
        command: list[str],
        environ: dict[str, str],
        *,
        traced: bool = True,
        log: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.requests = 0
        ours = {name: value for name, value in os.environ.items() if traced or not name.startswith("COVERAGE_")}
        self._log = log
        with contextlib.nullcontext(subprocess.PIPE) if log is None else log.open("wb") as output:
            self.process = subprocess.Popen(
                [python, *command, "--port", str(self.port)],
                env={**ours, "LOOPBENCH_PROBE_DIR": str(folder), "LOOPBENCH_PROBE_NONCE": "nonce", **environ},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until_ready(self) -> None:
        """Wait until the port is open."""
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(self.stop_by_force())

    def connection(self) -> http.client.HTTPConnection:
        """Open a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path: str, times: int = 1, *, over: http.client.HTTPConnection | None = None) -> bytes:
        """Send requests on one connection, count the answers, and return the last one's body."""
        connection = over or self.connection()
        body = b""
        for _ in range(times):
            connection.request("GET", path)
            body = connection.getresponse().read()
            self.requests += 1
        if over is None:
            connection.close()
        return body

    def stop(self, number: int, timeout_s: float = 20.0) -> None:
        """Send the signal and wait."""
        self.process.send_signal(number)
        self.process.communicate(timeout=timeout_s)

    def stop_by_force(self) -> str:
        """Kill the server and return its output."""
        self.process.kill()
        output = self.process.communicate()[0]
        return output.decode() if self._log is None else self._log.read_text(encoding="utf-8")

    def logs(self) -> list[list[dict[str, Any]]]:
        """Return the records of every process."""
        files = sorted(self.folder.glob("probe-*.jsonl"))
        return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


@contextlib.contextmanager
def serving(
    folder: Path, *options: str, loop: str = "uvloop", environ: dict[str, str] | None = None
) -> Iterator[Target]:
    """Start this module's app under `uvicorn --loop loopbench_probe:...`."""
    hook = f"loopbench_probe:new_{loop}_loop"
    app_dir = ["--app-dir", str(HERE.parent)]
    patient = ["--timeout-worker-healthcheck", "60"]  # uvicorn kills a worker that is silent for 5 s: a busy machine
    command = ["-m", "uvicorn", "target:app", *app_dir, "--loop", hook, "--log-level", "warning", *patient, *options]
    with running(Target(folder, command, {"PYTHONPATH": str(PROBE_FOLDER), **(environ or {})})) as target:
        yield target


@contextlib.contextmanager
def running(target: Target) -> Iterator[Target]:
    """Yield the target when it is ready, and always kill it at the end."""
    try:
        target.wait_until_ready()
        yield target
    finally:
        if target.process.poll() is None:
            target.stop_by_force()
