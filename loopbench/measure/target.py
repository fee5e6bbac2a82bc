"""The target of one run: a fresh process that is started and stopped, or one that runs elsewhere."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from loopbench.errors import TargetError
from loopbench.measure import environment
from loopbench.measure.remote_target import RemoteTarget, found
from loopbench.measure.running_target import NONCE_HEADER, RunningTarget, wait_until_ready
from loopbench.measure.stop import StopWish
from loopbench.measure.supervise import Supervised, log_tail
from loopbench.records.session import TARGET_LOG
from loopbench.scenario import Scenario, Target

PORT_TAKEN = "address already in use"

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

KEEP_ALIVE_S = 75
GRACEFUL_S = 3
STOP_S = 5.0

AnyTarget = RunningTarget | RemoteTarget
"""A target that loopbench started, or one that runs elsewhere."""


@dataclass(frozen=True)
class _Launch:
    """Everything a target is started with."""

    scenario: Scenario
    target: Target
    nonce: str
    folder: Path
    cpus: tuple[int, ...]
    stop: StopWish
    env: Mapping[str, str]
    explain: bool


@contextmanager
def started(  # noqa: PLR0913  a run's facts, named where it is started
    scenario: Scenario,
    target: Target,
    *,
    nonce: str,
    folder: Path,
    cpus: tuple[int, ...],
    stop: StopWish,
    env: Mapping[str, str] = NOTHING,
    explain: bool = False,
) -> Iterator[AnyTarget]:
    """Start a target and wait until it is ready; on leaving, stop it and kill everything it started.

    A target that runs elsewhere is only waited for: it is neither started nor stopped.

    Args:
        scenario: paths are relative to its file.
        target: the settings.
        nonce: every answer must carry it.
        folder: of the run, for the probe's files and the log.
        cpus: cores it is pinned to, unless its settings say no; empty: not pinned.
        stop: ends the waiting.
        env: variables of the session, such as the URLs of its services; the scenario's own override them.
        explain: the probe records the exact figures, which cost more.

    Raises:
        TargetError: it does not import, ends, or does not answer in time.
    """
    if target.url is not None:
        probe_dir = scenario.file.parent / target.probe_dir if target.probe_dir else None
        yield found(target.url, nonce=nonce, probe_dir=probe_dir, ready_s=target.ready_s, stop=stop)
        return
    launch = _Launch(scenario, target, nonce, folder, cpus if target.pin else (), stop, env, explain)
    running = _start(launch)
    with running.process:
        yield running
        running.process.stop(STOP_S)


def _start(launch: _Launch) -> RunningTarget:
    """Start on a free port; try again if another process takes the port before the server does.

    Passing an open socket (`uvicorn --fd`) would close the gap, but uvicorn takes such a socket for a Unix one. Neither
    loop turns Nagle's algorithm off then (small answers took 44 ms), and on uvloop a request to `/hello` cost 1.20
    times the CPU [1.07, 1.35] (ten pairs, Nagle's algorithm off in both).
    """
    scenario, target, log = launch.scenario, launch.target, launch.folder / TARGET_LOG
    for last in (False, False, True):
        port = _free_port()
        process = Supervised(
            command(scenario, target, launch.nonce, port),
            env=environment.for_target({**_probe_settings(launch), **launch.env, **target.env}),
            cwd=(scenario.file.parent / target.app_dir).resolve(),
            log=log,
            cpus=launch.cpus,
        )
        running = RunningTarget(process, port, launch.nonce, log)
        try:
            wait_until_ready(running, target.ready_s, launch.stop)
        except TargetError:
            process.kill()
            if last or PORT_TAKEN not in log_tail(log).lower():
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
    """Returns the server's command line; every option that has an environment variable is given explicitly."""
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


def _probe_settings(launch: _Launch) -> dict[str, str]:
    return {
        "LOOPBENCH_PROBE_DIR": str(launch.folder.resolve()),
        "LOOPBENCH_PROBE_NONCE": launch.nonce,
        "LOOPBENCH_PROBE_LEVEL": "explain" if launch.explain else "watch",
        "LOOPBENCH_PROBE_THREAD_TOKENS": str(launch.target.thread_tokens),
    }
