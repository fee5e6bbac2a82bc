"""The target of one run: a fresh process that is started and stopped, or one that runs elsewhere."""

import contextlib
import errno
import random
import re
import secrets
import shlex
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from loopbench.errors import TargetError
from loopbench.measure import environment, interpreter
from loopbench.measure.interpreter import GRACEFUL_SHUTDOWN_SINCE, LOOP_FACTORY_SINCE
from loopbench.measure.preparation import Shell
from loopbench.measure.remote_target import RemoteTarget, found
from loopbench.measure.running_target import IMPOSTOR, NONCE_HEADER, RunningTarget, wait_until_ready
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, log_tail
from loopbench.records.probe import SERVED_APP
from loopbench.records.session import TARGET_LOG
from loopbench.scenario import Scenario, Target, Variant

PORT_TAKEN = "address already in use"
SERVER_PORTS = range(20_000, 32_000)  # Linux takes ports from 32768 for outgoing connections

KEEP_ALIVE_S = 75
GRACEFUL_S = 3
STOP_S = 5.0

SERVERS: Final = {
    "hypercorn": "{python} -m hypercorn {app} --bind 127.0.0.1:{port} --workers {workers} --worker-class {loop}"
    f" --keep-alive {KEEP_ALIVE_S} --graceful-timeout {GRACEFUL_S} --log-level warning",
    "granian": "{python} -m granian {app} --interface asgi --host 127.0.0.1 --port {port} --workers {workers}"
    " --loop {loop} --log-level warning --no-access-log",
}
"""Command lines of the servers other than uvicorn, as a scenario's own `command` is written."""

AnyTarget = RunningTarget | RemoteTarget  # a target that loopbench started, or one that runs elsewhere


@dataclass(frozen=True)
class Launch:
    """Everything a target is started with."""

    scenario: Scenario  # paths are relative to its file
    target: Target  # the settings
    folder: Path  # of the run, for the probe's files and the log
    cpus: tuple[int, ...]  # cores it is pinned to; empty: not pinned
    stop: StopWish  # ends the waiting
    # variables of the session, such as the URLs of its services; the scenario's own override them
    env: Mapping[str, str] = field(default_factory=dict)
    explain: bool = False  # the probe records the exact figures, which cost more
    moved: Variant | None = None  # the variant whose calls go through the probe's wrapper; None: there is no wrapper
    nonce: str = field(default_factory=lambda: secrets.token_hex(8))  # every answer must carry it


@contextmanager
def started(launch: Launch) -> Iterator[AnyTarget]:
    """Start a target and wait until it is ready; on leaving, stop it and kill everything it started."""
    target = launch.target
    if target.url is not None:
        probe_dir = launch.scenario.file.parent / target.probe_dir if target.probe_dir else None
        yield found(target.url, nonce=launch.nonce, probe_dir=probe_dir, ready_s=target.ready_s, stop=launch.stop)
        return
    with _shell(launch).around(target.prepare, target.cleanup):
        with _private(launch.folder):
            running = _start(launch)
        with running.process:
            yield running
            running.process.stop(STOP_S)


@contextmanager
def _private(folder: Path) -> Iterator[None]:
    """Let only this user read a folder while a target starts.

    The nonce is in it before the server has the port: another user who reads it could take the port and answer.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    with contextlib.suppress(PermissionError):  # a file system without modes
        folder.chmod(stat.S_IRWXU)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            folder.chmod(mode)


def _shell(launch: Launch) -> Shell:
    """Return where the scenario's commands run: they find the programs of the app's environment first."""
    python = interpreter.python_of(launch.scenario, launch.target)
    env = environment.for_target({**launch.env, **launch.target.env})
    env["PATH"] = interpreter.own_path_first(python, env)
    cwd = _app_dir(launch.scenario, launch.target) / launch.target.cwd
    return Shell(launch.folder, cwd, env, launch.stop)


def _start(launch: Launch) -> RunningTarget:
    """Start on a free port; try again if another process takes the port before the server does.

    Passing an open socket (`uvicorn --fd`) would close the gap, but uvicorn takes such a socket for a Unix one. Neither
    loop turns Nagle's algorithm off then (small answers took 44 ms), and on uvloop a request to `/hello` cost 1.20
    times the CPU [1.07, 1.35] (ten pairs, Nagle's algorithm off in both).
    """
    scenario, target, log = launch.scenario, launch.target, launch.folder / TARGET_LOG
    for last in (False, False, True):
        port = free_port()
        process = Supervised(
            command(scenario, target, port),
            env=_environment(launch),
            cwd=_app_dir(scenario, target) / target.cwd,
            log=log,
            cpus=launch.cpus,
        )
        running = RunningTarget(process, port, launch.nonce, log)
        try:
            wait_until_ready(running, target.ready_s, launch.stop)
        except TargetError as error:
            process.kill()
            if last or not (error.slug == IMPOSTOR or PORT_TAKEN in log_tail(log).lower()):
                raise
        except BaseException:
            process.kill()
            raise
        else:
            return running
    raise AssertionError("the last try either returns or raises")


def free_port() -> int:
    """Return a free port of loopback, below the ports that the kernel gives to outgoing connections.

    Among those, another process can take the port before the server does. Worse, a connection attempt before the server
    listens can get the same port on its own side: TCP then connects it to itself, and the port is taken.

    Raises:
        OSError: a hundred ports in a row are in use.
    """
    for port in random.sample(SERVER_PORTS, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(errno.EADDRINUSE, "no free port", "127.0.0.1")


def command(
    scenario: Scenario,
    target: Target,
    port: int | str,
    uvicorn_of: Callable[[str], interpreter.Version] = interpreter.uvicorn_version,
) -> list[str]:
    """Returns the server's command line; every option that has an environment variable is given explicitly.

    `uvicorn_of` tells the version of an interpreter's uvicorn. By default the interpreter is asked, which runs it.
    """
    python = interpreter.python_of(scenario, target)
    if not target.is_counted_by_probe:
        return _uvicorn_command(python, target, str(_app_dir(scenario, target)), port, uvicorn_of(python))
    values = {"python": python, "app": SERVED_APP, "port": port, "workers": target.workers, "loop": target.loop}
    parts = shlex.split(target.command or SERVERS[target.server])
    return [re.sub(r"{(\w+)}", lambda found: str(values.get(found[1], found[0])), part) for part in parts]


def _uvicorn_command(
    python: str, target: Target, app_dir: str, port: int | str, uvicorn: interpreter.Version
) -> list[str]:
    options = {
        "--app-dir": app_dir,
        "--host": "127.0.0.1",
        "--port": str(port),
        "--workers": str(target.workers),
        "--loop": f"loopbench_probe:new_{target.loop}_loop" if uvicorn >= LOOP_FACTORY_SINCE else target.loop,
        "--http": target.http,
        "--timeout-keep-alive": str(KEEP_ALIVE_S),
        **({"--timeout-graceful-shutdown": str(GRACEFUL_S)} if uvicorn >= GRACEFUL_SHUTDOWN_SINCE else {}),
        "--log-level": "warning",
    }
    flat = [part for pair in options.items() for part in pair]
    return [python, "-m", "uvicorn", str(target.app), *flat, "--no-access-log", "--no-use-colors"]


def _app_dir(scenario: Scenario, target: Target) -> Path:
    return (scenario.file.parent / target.app_dir).resolve()


def _environment(launch: Launch) -> dict[str, str]:
    """Returns the target's variables: the environment's `bin` is first on PATH, as if it were activated."""
    python, is_uvicorn = interpreter.python_of(launch.scenario, launch.target), not launch.target.is_counted_by_probe
    env = environment.for_target(
        {**_probe_settings(launch), **launch.env, **launch.target.env},
        attach_at_start=is_uvicorn and interpreter.uvicorn_version(python) < LOOP_FACTORY_SINCE,
    )
    carried = {"UVICORN_HEADERS": f"{NONCE_HEADER}:{launch.nonce}"} if is_uvicorn else {}
    return env | {"PATH": interpreter.own_path_first(python, env)} | carried


def _probe_settings(launch: Launch) -> dict[str, str]:
    return {
        "LOOPBENCH_PROBE_DIR": str(launch.folder.resolve()),
        "LOOPBENCH_PROBE_NONCE": launch.nonce,
        "LOOPBENCH_PROBE_APP": str(launch.target.app),
        "LOOPBENCH_PROBE_APP_DIR": str(_app_dir(launch.scenario, launch.target)),
        "LOOPBENCH_PROBE_LEVEL": "explain" if launch.explain else "watch",
        "LOOPBENCH_PROBE_THREAD_TOKENS": str(launch.target.thread_tokens),
        "LOOPBENCH_PROBE_EXECUTOR_THREADS": str(launch.target.executor_threads or ""),
        "LOOPBENCH_PROBE_GC_FREEZE": "1" if launch.target.gc_freeze else "0",
        **(_moves(launch.moved) if launch.moved else {}),
    }


def _moves(variant: Variant) -> dict[str, str]:
    return {
        "LOOPBENCH_PROBE_ROUTE": f"{variant.method} {unquote(urlsplit(variant.path).path)}",
        "LOOPBENCH_PROBE_RUN_IN": variant.run_in or "",
        "LOOPBENCH_PROBE_RUN_DEPENDENCIES_IN": variant.run_dependencies_in or "",
    }
