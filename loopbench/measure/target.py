"""The app under test as a fresh process: start, ready, verify, stop."""

import contextlib
import http.client
import json
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
                hints=("loopbench serve", "read target.log in the run's folder"),
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
    with _listening_socket() as listening:
        port = listening.getsockname()[1]
        process = Supervised(
            command(scenario, target, nonce, listening.fileno()),
            env=environment.for_target(_probe_settings(target, nonce, folder) | target.env),
            cwd=(scenario.file.parent / target.app_dir).resolve(),
            log=folder / TARGET_LOG,
            cpus=cpus,
            pass_fds=(listening.fileno(),),
        )
    with process:  # our copy of the socket is closed now: if the target dies, its clients see it at once
        running = RunningTarget(process, port, nonce, folder / TARGET_LOG)
        _wait_until_ready(running, target.ready_s, stop)
        yield running
        process.stop(STOP_S)


def _listening_socket() -> socket.socket:
    """A free port on loopback, ours before the server starts: nobody can take it in between.

    uvicorn takes a socket it is handed for a Unix one, and so neither asyncio nor uvloop turns Nagle's algorithm off:
    every small answer would wait 44 ms for a delayed acknowledgement. Accepted sockets inherit the option from here.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def command(scenario: Scenario, target: Target, nonce: str, fd: int) -> list[str]:
    """The server's command line, every option that has an environment variable given explicitly."""
    python = str(scenario.file.parent / target.python) if target.python else sys.executable
    options = {
        "--app-dir": str((scenario.file.parent / target.app_dir).resolve()),
        "--fd": str(fd),
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
    """Ask once and wait: the request lies in the socket's queue until the server takes it."""
    deadline = time.monotonic() + ready_s
    target.harness_requests += 1
    answer = b""
    with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", target.port)) as connection:
        connection.sendall(f"GET {READY_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        connection.settimeout(0.05)
        while time.monotonic() < deadline:
            stop.check()
            try:
                answer += (piece := connection.recv(65536))
            except TimeoutError:
                continue
            if not piece:
                break
    if f"{NONCE_HEADER}: {target.nonce}".lower().encode() in answer.lower():
        return
    raise _not_ready(target, ready_s, answered=bool(answer))


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
        where=" ".join(target.process.command[1:4]),
        hints=("check app and app_dir in the scenario's [target]", "raise ready_s if the app is slow to start"),
        detail=log_tail(target.log),
    )


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
        hints=("loopbench serve, then ask it yourself", "correct the app, or `expect` in the scenario"),
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
