"""No socket of ours listens or connects outside loopback, in any command; and no other network is needed."""

import contextlib
import http.client
import ipaddress
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from loopbench.measure.target import free_port
from tests.faults.faults import (
    ENDLESS_S,
    LOOPBENCH,
    PATIENCE_S,
    Measuring,
    begun_session,
    check_end,
    left_behind,
    processes_of,
    write_scenario,
)

pytestmark = pytest.mark.real

NO_NETWORK = ("unshare", "--net", "/bin/sh", "-c", 'ip link set lo up && exec "$0" "$@"', *LOOPBENCH)


def addresses(pids: list[int]) -> tuple[set[str], set[str]]:
    """Where these processes listen, and where they are connected to, from the kernel's tables."""
    listening, peers = set(), set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            for each in psutil.Process(pid).net_connections("inet"):
                if each.status == psutil.CONN_LISTEN or not each.raddr:
                    listening.add(each.laddr.ip)
                else:
                    peers.add(each.raddr.ip)
    return listening, peers


def outside(found: set[str]) -> set[str]:
    """Those that are not loopback."""
    return {each for each in found if not ipaddress.ip_address(each).is_loopback}


@pytest.mark.nightly
def test_a_run_with_two_generators_stays_on_loopback(finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """Target, Locust's master, its workers and the harness, in the middle of the load."""
    file = write_scenario(tmp_path, hold_s=ENDLESS_S, generators=2)
    session = begun_session(file, finished_run())
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("phase", phase="hold")
        listening, peers = addresses([pid for pid, _ in processes_of(tmp_path)])
        measuring.process.send_signal(signal.SIGTERM)
        measuring.end()
    assert listening, "nothing was seen"
    assert peers, "nothing was seen"
    assert outside(listening | peers) == set()


@pytest.mark.parametrize("command", ["ui", "serve"])
def test_a_server_for_a_person_stays_on_loopback(command: str, tmp_path: Path) -> None:
    """The web UI and the target beside it; the target alone."""
    file, port = write_scenario(tmp_path), free_port()
    arguments = ["ui", str(file)] if command == "ui" else ["serve"]
    with _serving([*arguments, "--port", str(port)], tmp_path) as process:
        _wait_for(port, process)
        below = psutil.Process(process.pid).children(recursive=True)
        listening, peers = addresses([process.pid, *(each.pid for each in below)])
    assert listening, "nothing was seen"
    assert outside(listening | peers) == set()
    assert left_behind(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace of one's own needs root")
@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("ip")), reason="needs unshare and ip")
@pytest.mark.nightly
def test_a_run_needs_no_network_but_loopback(finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """In a namespace where `lo` is all there is, nothing is missed."""
    file = write_scenario(tmp_path)
    session = begun_session(file, finished_run())
    with Measuring(tmp_path, file, "--resume", session, command=NO_NETWORK) as measuring:
        ended = measuring.end()
    check_end(ended, 0)


@contextlib.contextmanager
def _serving(arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen([*LOOPBENCH, *arguments], cwd=folder, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait for an answer: an accepted connection is not enough, loopbench tries the port before it uses it."""
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/")
            connection.getresponse().close()
            return
        time.sleep(0.02)
    raise AssertionError("it ended before it answered")
