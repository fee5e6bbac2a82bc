"""The app under test as a fresh process: start, ready, verify, stop."""

import http.client
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import TargetError
from loopbench.measure import environment
from loopbench.measure.log_tail import log_tail
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, describe_exit
from loopbench.records.load_order import OrderedRequest
from loopbench.records.session import TARGET_LOG
from loopbench.scenario import Scenario, Target

NONCE_HEADER = "X-Loopbench-Run"
READY_PATH = "/-loopbench-ready-"
"""Asked once until the server answers, whatever the answer: no app has such a route, so nothing of it is warmed."""

PORT_TAKEN = "address already in use"
SERVER_PACKAGES = {"uvicorn": "", "uvloop": 'loop = "asyncio"', "httptools": 'http = "h11"'}
"""What a target's own environment needs beside the app, and the setting that does without it."""

KEEP_ALIVE_S = 75
GRACEFUL_S = 3
STOP_S = 5.0


@dataclass
class RunningTarget:
    """A target that answers. `harness_requests` is what we asked of it, to be taken from its own count."""

    process: Supervised
    port: int
    nonce: str
    log: Path
    harness_requests: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def check_alive(self) -> None:
        """Raise TargetError if it has ended."""
        code = self.process.exit_code
        if code is not None:
            raise TargetError(
                f"the target ended while it was being measured ({describe_exit(code)})",
                slug="target-died",
                where=self.url,
                hints=("read target.log in the run's folder",),
                detail=log_tail(self.log),
            )


@contextmanager
def started(  # noqa: PLR0913  a run's six facts
    scenario: Scenario, target: Target, *, nonce: str, folder: Path, cpus: tuple[int, ...], stop: StopWish
) -> Iterator[RunningTarget]:
    """A target that is ready and is who it should be; stopped, then killed with all it started, on leaving.

    Raises:
        TargetError: it does not import, ends, or does not answer in time.
    """
    running = _start(scenario, target, nonce, folder, cpus, stop)
    with running.process:
        yield running
        running.process.stop(STOP_S)


def _start(  # noqa: PLR0913  the same six facts
    scenario: Scenario, target: Target, nonce: str, folder: Path, cpus: tuple[int, ...], stop: StopWish
) -> RunningTarget:
    """Start on a free port until it stays ours: somebody may take it between our look and the server's.

    The socket is not handed over (`uvicorn --fd`), though that would close the gap: uvicorn takes such a socket for a
    Unix one. Neither loop turns Nagle's algorithm off then (small answers took 44 ms), and on uvloop a request to
    `/hello` cost 1.20 times the CPU [1.07, 1.35] (ten pairs, Nagle's algorithm off in both).
    """
    for last in (False, False, True):
        port = _free_port()
        process = Supervised(
            command(scenario, target, nonce, port),
            env=environment.for_target(_probe_settings(target, nonce, folder) | target.env),
            cwd=(scenario.file.parent / target.app_dir).resolve(),
            log=folder / TARGET_LOG,
            cpus=cpus,
        )
        running = RunningTarget(process, port, nonce, folder / TARGET_LOG)
        try:
            _wait_until_ready(running, target.ready_s, stop)
        except TargetError:
            process.kill()
            if last or PORT_TAKEN not in log_tail(running.log).lower():
                raise
        except BaseException:
            process.kill()
            raise
        else:
            return running
    raise AssertionError("the last try either returns or raises")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def command(scenario: Scenario, target: Target, nonce: str, port: int) -> list[str]:
    """The server's command line, every option that has an environment variable given explicitly."""
    python = str(scenario.file.parent / target.python) if target.python else sys.executable
    options = {
        "--app-dir": str((scenario.file.parent / target.app_dir).resolve()),
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": str(target.workers),
        "--loop": f"loopbench_probe:new_{target.loop}_loop",
        "--http": target.http,
        "--timeout-keep-alive": str(KEEP_ALIVE_S),
        "--timeout-graceful-shutdown": str(GRACEFUL_S),
        "--log-level": "warning",
        "--header": f"{NONCE_HEADER}:{nonce}",
    }
    flat = [part for pair in options.items() for part in pair]
    return [python, "-m", "uvicorn", target.app, *flat, "--no-access-log", "--no-use-colors"]


def _probe_settings(target: Target, nonce: str, folder: Path) -> dict[str, str]:
    return {
        "LOOPBENCH_PROBE_DIR": str(folder.resolve()),
        "LOOPBENCH_PROBE_NONCE": nonce,
        "LOOPBENCH_PROBE_THREAD_TOKENS": str(target.thread_tokens),
    }


def _wait_until_ready(target: RunningTarget, ready_s: float, stop: StopWish) -> None:
    """Ask once the port is open, and wait for the answer. Whatever it says, it must carry this run's nonce."""
    deadline = time.monotonic() + ready_s
    answer = b""
    while not answer and time.monotonic() < deadline and target.process.exit_code is None:
        stop.check()
        try:
            with socket.create_connection(("127.0.0.1", target.port)) as connection:
                answer = _first_answer(connection, deadline, stop)
        except ConnectionError:
            time.sleep(0.01)
    if answer:
        target.harness_requests += 1
    if f"{NONCE_HEADER}: {target.nonce}".lower().encode() not in answer.lower():
        raise _not_ready(target, ready_s, answered=bool(answer))


def _first_answer(connection: socket.socket, deadline: float, stop: StopWish) -> bytes:
    """Everything the server says to one request, or nothing if it says nothing in time."""
    connection.sendall(f"GET {READY_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    connection.settimeout(0.05)
    answer = b""
    while time.monotonic() < deadline:
        stop.check()
        try:
            piece = connection.recv(65536)
        except TimeoutError:
            continue
        if not piece:
            break
        answer += piece
    return answer


def _not_ready(target: RunningTarget, ready_s: float, *, answered: bool) -> TargetError:
    if answered:
        what, slug = f"something on port {target.port} answered that is not this run's target", "target-impostor"
    elif target.process.exit_code is not None or _ends_soon(target.process):
        code = target.process.exit_code or 0
        what, slug = f"the target ended before it answered ({describe_exit(code)})", "target-start"
    else:
        what, slug = f"the target did not answer within {ready_s:g} s of its start", "target-not-ready"
    return TargetError(
        what,
        slug=slug,
        where=" ".join(target.process.command[:4]),
        hints=_start_hints(slug, log_tail(target.log), target.process.command[0]),
        detail=log_tail(target.log),
    )


def _start_hints(slug: str, log: str, python: str) -> tuple[str, ...]:
    """What to do about a target that does not start, as far as its own last words tell."""
    if slug == "target-not-ready":
        return ("raise ready_s in the scenario's [target] if the app is slow to start",)
    missing = re.findall(r"No module named '?([\w.]+)'?", log)
    if missing and missing[-1] in SERVER_PACKAGES:
        setting = SERVER_PACKAGES[missing[-1]]
        return (
            f"{python} -m pip install {missing[-1]}",
            *((f"or {setting} in the scenario's [target]",) if setting else ()),
        )
    return ("check app, app_dir and python in the scenario's [target]",)


def _ends_soon(process: Supervised) -> bool:
    """A closed connection is seen before the exit code; give the process a moment to be gone."""
    deadline = time.monotonic() + 2.0
    while process.exit_code is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.exit_code is not None


def verify(target: RunningTarget, requests: tuple[OrderedRequest, ...]) -> None:
    """Ask everything once and hold every answer against what the scenario expects, before anything is measured.

    Raises:
        TargetError: an answer is wrong, too late, or comes from somebody else.
    """
    for request in requests:
        target.check_alive()
        status, nonce, body = _ask(target, request)
        if nonce != target.nonce:
            raise _wrong(target, request, "the answer does not come from this run's target", body)
        problem = request.expect.problem(status, body)
        if problem is not None:
            raise _wrong(target, request, problem, body)


def _ask(target: RunningTarget, request: OrderedRequest) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=request.timeout_s)
    target.harness_requests += 1
    try:
        connection.request(request.method, request.target, body=request.body or None, headers=request.headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader(NONCE_HEADER), answer.read()
    except TimeoutError:
        raise _wrong(target, request, f"no answer within {request.timeout_s:g} s", b"") from None
    except (http.client.HTTPException, OSError) as problem:
        target.check_alive()
        raise _wrong(target, request, f"{type(problem).__name__}: {problem}", b"") from None
    finally:
        connection.close()


def _wrong(target: RunningTarget, request: OrderedRequest, problem: str, body: bytes) -> TargetError:
    shown = body[:500].decode("utf-8", "replace")
    return TargetError(
        f"{request.name!r} was asked once before the run and its answer is wrong: {problem}",
        slug="wrong-answer",
        where=f"{request.method} {request.target}",
        allowed=_expected(request),
        hints=("correct path, params or expect in the scenario, or the app",),
        detail=f"answer: {shown}\n{log_tail(target.log)}" if shown else log_tail(target.log),
    )


def _expected(request: OrderedRequest) -> str:
    expect = request.expect
    parts = [f"status {expect.status}"]
    if expect.json:
        parts.append(f"json {json.dumps(dict(expect.json))}")
    if expect.json_min:
        parts.append(f"at least {json.dumps(dict(expect.json_min))}")
    if expect.size_bytes is not None:
        parts.append(f"{expect.size_bytes} bytes")
    return ", ".join(parts)
