"""Real Locust processes: the final statistics equal the server's count of requests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopbench.measure.target import free_port

HERE = Path(__file__).parent
USERS = 4
pytestmark = pytest.mark.real


def with_workers(count: int) -> list[str]:
    """Return the options for so many workers, on their own port."""
    if count == 0:
        return []
    port = str(free_port())
    bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return ["--processes", str(count), *bind]


@pytest.mark.parametrize("workers", [0, 2])
def test_locust_counts_what_the_server_counted(workers: int, tmp_path: Path) -> None:
    """Bulk logging loses no request, in the final table or in workers' reports to their master."""
    server_command = [sys.executable, "-P", str(HERE / "torture_server.py")]
    with subprocess.Popen(server_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        host = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        command = [sys.executable, "-P", "-m", "locust", "-f", str(HERE / "counting_locustfile.py"), "-H", host]
        load = [
            "--headless",
            "-u",
            str(USERS),
            "-r",
            str(USERS),
            "-t",
            "60s",
            "--json",
            "-L",
            "ERROR",
            *with_workers(workers),
        ]
        run = subprocess.run(
            [*command, *load],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        server.stdin.close()
    assert "[\n" in run.stdout, run.stderr
    printed = run.stdout[run.stdout.index("[\n") :]  # each worker prints an empty list of its own before
    rows = {row["name"]: (row["num_requests"], row["num_failures"]) for row in json.loads(printed)}
    assert rows == {"echo": (100, 0), "/plain": (100, 0), "/status_404": (4, 4)}
    assert run.returncode == 1, "Locust's code for failed requests"
