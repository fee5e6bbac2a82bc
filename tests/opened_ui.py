"""`loopbench ui` for as long as a test needs it, asked as its own page would ask, or as a stranger."""

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import psutil

from loopbench.measure.target import free_port
from tests.serving import LOOPBENCH

PATIENCE_S: Final = 60.0
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Answer(NamedTuple):
    """Of the web UI."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass
class OpenedUi:
    """A web UI that has printed its address."""

    process: subprocess.Popen[str]
    url: str  # with the token

    @property
    def port(self) -> int:
        """Where it listens."""
        port = urlsplit(self.url).port
        assert port
        return port

    @property
    def token(self) -> str:
        """What it lets in."""
        return urlsplit(self.url).query.removeprefix("token=")

    @property
    def own(self) -> dict[str, str]:
        """Headers that its own page's requests carry."""
        return {
            "Cookie": f"loopbench-{self.port}={self.token}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Sec-Fetch-Site": "same-origin",
        }

    def ask(self, path: str, method: str = "GET", headers: Mapping[str, str] = NOTHING, body: str = "") -> Answer:
        """One request with these headers and no others of ours."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body=body or None, headers=dict(headers))
        told = connection.getresponse()
        answer = Answer(told.status, told.headers, told.read().decode())
        connection.close()
        return answer

    def look(self, path: str) -> Answer:
        """As its own page."""
        return self.ask(path, headers=self.own)

    def order(self, path: str, **fields: str | int) -> Answer:
        """As its own page: start, stop."""
        headers = self.own | {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask(path, "POST", headers, urlencode(fields))

    def wait_for(self, holds: Callable[[], Any]) -> Any:
        """What it gives as soon as that is anything."""
        until_s = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            assert self.process.poll() is None, "the web UI has ended"
            assert time.monotonic() < until_s, "it never came about"
            time.sleep(0.05)
        return found

    def children(self) -> list[psutil.Process]:
        """Everything it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int = signal.SIGINT) -> int:
        """End it by a signal, as a person would; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def opened_ui(scenario: Path, cwd: Path, **options: Any) -> Iterator[OpenedUi]:
    """Run it until it answers; kill what is left of it in the end."""
    port = free_port()
    command = [str(LOOPBENCH), "ui", str(scenario), "--port", str(port)]
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True, **options)
    try:
        assert process.stdout
        address = next((line.split()[-1] for line in process.stdout if "?token=" in line), None)
        assert address, "it ended before it printed its address"
        ui = OpenedUi(process, address)
        ui.wait_for(lambda: _answers(ui))
        yield ui
        _end_in_good_order(ui)
    finally:
        process.kill()  # and with it, by their minders, everything it has started
        process.communicate()


def _end_in_good_order(ui: OpenedUi) -> None:
    """A TERM ends it and everything it started, unless the test has ended it already."""
    if ui.process.poll() is None:
        children = ui.children()
        assert ui.end(signal.SIGTERM) == 0
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive


def _answers(ui: OpenedUi) -> bool:
    try:
        ui.ask("/")
    except OSError:
        return False
    return True
