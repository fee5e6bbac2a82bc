"""A target that runs elsewhere: found, verified, and counted as far as it says."""

import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loopbench.errors import TargetError
from loopbench.measure.counts import read_recorded
from loopbench.measure.remote_target import RemoteTarget, found, fresh_count
from loopbench.measure.running_target import NONCE_HEADER
from loopbench.measure.stop import StopWish
from loopbench.measure.verify import verify
from loopbench.scenario import Request

OK = Request.model_validate({"name": "ok", "path": "/ok", "timeout_s": 5.0, "expect": {"json": {"fine": True}}})


@contextmanager
def server(nonce: str | None = None) -> Iterator[str]:
    """Somebody else's server; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"fine": true}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            if nonce is not None:
                self.send_header(NONCE_HEADER, nonce)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def at(url: str, probe_dir: Path | None = None) -> RemoteTarget:
    """What is found there."""
    return found(url, nonce="ours", probe_dir=probe_dir, ready_s=0.2, stop=StopWish())


@pytest.mark.parametrize("nonce", [None, "ours"])
def test_its_answers_are_held_against_what_is_expected(nonce: str | None) -> None:
    with server(nonce) as url:
        target = at(url)
        verify(target, (OK,), StopWish())
        assert target.harness_requests == 1
        assert not target.server_says


def test_an_answer_of_another_run_is_refused() -> None:
    with server("another's") as url, pytest.raises(TargetError, match="does not come from this run's target"):
        verify(at(url), (OK,), StopWish())


def test_nobody_there_is_said_with_the_url() -> None:
    with server() as url:
        pass
    with pytest.raises(TargetError, match=f"no server answers at {url} within 0.2 s"):
        at(url)


class Probe:
    """A probe's file that grows whenever somebody waits for it."""

    def __init__(self, folder: Path, pid: int, *counts: int | None) -> None:
        self.path = folder / f"probe-{pid}.jsonl"
        self.path.write_text(json.dumps({"record": "start"}) + "\n")
        self._counts = list(counts)

    def grow(self, _seconds: float) -> None:
        """One more second, if there is one."""
        if self._counts:
            with self.path.open("a") as file:
                file.write(json.dumps({"record": "second", "requests_total": self._counts.pop(0)}) + "\n")


def waiting_for(monkeypatch: pytest.MonkeyPatch, *probes: Probe) -> None:
    """Instead of sleeping, let the files grow."""

    def sleep(seconds: float) -> None:
        for probe in probes:
            probe.grow(seconds)

    monkeypatch.setattr("loopbench.measure.remote_target.time.sleep", sleep)


def test_its_count_is_read_from_records_begun_after_the_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting_for(monkeypatch, Probe(tmp_path, 1, 90, 100), Probe(tmp_path, 2, 7, 7))
    assert fresh_count(tmp_path) == 107


def test_of_a_large_file_only_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe(tmp_path, 1, 90, 100)
    with probe.path.open("r+b") as file:
        file.truncate(50_000_000)
        file.seek(0, 2)
        file.write(b"\n")
    waiting_for(monkeypatch, probe)
    tracemalloc.start()
    try:
        assert fresh_count(tmp_path) == 100
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_processes_that_have_ended_are_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Probe(tmp_path, 1)
    old.path.write_text(json.dumps({"record": "end", "requests_total": 5000}) + "\n")
    waiting_for(monkeypatch, Probe(tmp_path, 2, 7, 8))
    assert fresh_count(tmp_path) == 8


@pytest.mark.parametrize("counts", [(), (None, None)], ids=["silent", "a server that does not count"])
def test_what_is_not_known_is_not_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: tuple[int | None, ...]
) -> None:
    waiting_for(monkeypatch, Probe(tmp_path, 1, *counts))
    clock = iter(range(100))
    assert fresh_count(tmp_path, clock=lambda: next(clock)) is None


def test_the_difference_is_what_the_load_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as url:
        waiting_for(monkeypatch, Probe(tmp_path, 1, 10, 10, 60, 61))
        target = at(url, tmp_path)
        verify(target, (OK,), StopWish())
        assert target.requests_counted() == 61 - 10 - 1


def test_two_counts_of_three_agree_only_where_the_third_cannot_be_had(tmp_path: Path) -> None:
    from loopbench.locustfiles.recorder import Recorder  # noqa: PLC0415  importing Locust's folder changes sockets: as late as can be
    from loopbench.locustfiles.sinks import FileSink  # noqa: PLC0415

    Recorder(FileSink(tmp_path / "samples-0.bin"), "ours").close(locust_requests=0)
    silent = RemoteTarget("http://127.0.0.1:1", "ours", None, None)
    broken = RemoteTarget("http://127.0.0.1:1", "ours", tmp_path, None)
    assert read_recorded(tmp_path, silent).counts.agree
    assert not read_recorded(tmp_path, broken).counts.agree
