"""A client that hangs up: the server sees the disconnect, the sample has a flag, and no count includes the request.

The generator runs in a separate process, because `import locust` would patch this one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopbench.judge.run.samples import read_samples
from loopbench.measure.counts import _collect
from loopbench.records import samples as layout
from loopbench.records.samples import HUNG_UP
from loopbench.records.session import samples_file

ROUNDS = 5

SCRIPT = """
import json, sys
from pathlib import Path

import gevent
from gevent.event import Event
from gevent.server import StreamServer
from locust.env import Environment

from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink
from loopbench.locustfiles.variant_user import variant_user
from tests.made_scenario import made_spec

rounds, file = int(sys.argv[1]), Path(sys.argv[2])
seen = {"/answered": 0, "/never": 0, "left": 0}

def serve(connection, _):
    while request := connection.recv(65536):
        path = request.split()[1].decode()
        seen[path] += 1
        if path == "/answered":
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    seen["left"] += 1

server = StreamServer(("127.0.0.1", 0), serve)
server.start()

requests = [
    {"name": "answered", "path": "/answered"},
    {"name": "never", "path": "/never", "hang_up": {"after_s": 0.3}},
]
url = f"http://127.0.0.1:{server.server_port}"
spec = made_spec(file.parent, "ramp", url=url, requests=requests)
recorder = Recorder(FileSink(file), "r")
environment = Environment()
environment.create_local_runner()
user = variant_user(spec, recorder, Event())(environment)
recorder.begin("hold")
for _ in range(2 * rounds):
    user.ask_once()
user.client.close()
with gevent.Timeout(30):
    while seen["/never"] < rounds or seen["left"] < rounds:
        gevent.sleep(0.01)
recorder.close(environment.stats.total.num_requests)
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """Return the folder with one user's samples, and the server's counts."""
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-c", SCRIPT, str(ROUNDS), str(folder / samples_file(0))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    seen: dict[str, Any] = json.loads(done.stdout)
    return folder, seen


def test_the_server_sees_the_disconnect(recorded: tuple[Path, dict[str, int]]) -> None:
    """Every hang-up closes its connection; the next request needs a new one."""
    seen = recorded[1]
    assert (seen["/answered"], seen["/never"]) == (ROUNDS, ROUNDS)
    assert ROUNDS <= seen["left"] <= ROUNDS + 1  # and once more at the end, if the last one was answered


def test_its_sample_is_neither_good_nor_failed(recorded: tuple[Path, dict[str, int]]) -> None:
    found = read_samples(recorded[0])
    left = found.named("never")
    assert int(left.sum()) == ROUNDS
    assert set(found.rows["flags"][left]) == {layout.FLAG_HUNG_UP}
    assert {found.errors[index] for index in found.rows["error"][left]} == {HUNG_UP}
    assert not (found.good | found.failed)[left].any()
    assert found.good[found.named("answered")].all()
    assert (found.rows["latency_s"][left] >= 0.3).all()


def test_neither_locust_nor_loopbench_counts_it(recorded: tuple[Path, dict[str, int]]) -> None:
    """Servers do not count a request whose client disconnected, so the other two counts leave it out."""
    counted = _collect(recorded[0], 0)
    assert (counted.samples - counted.hung_up, counted.locust, counted.unfinished) == (ROUNDS, ROUNDS, 0)
