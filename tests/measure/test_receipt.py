"""What the harness makes of a target's receipt, against a server with scripted answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from loopbench.errors import TargetError
from loopbench.measure import receipt as receipts
from loopbench.measure.receipt import IDLE_AFTER_KEY, MAX_BYTES, MAX_KEYS, ask_receipt
from loopbench.measure.remote_target import RemoteTarget
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.scenario.requests import Receipt


class Scripted(RemoteTarget):
    """A target that gives these answers in turn, the last one for ever."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(f"http://127.0.0.1:{server.server_port}", "nonce", None, None)
        self.answers: list[tuple[int, bytes]] = []
        self.paths: list[str] = []

    def will_answer(self, *answers: Any, status: int = 200) -> None:
        """From now on, these."""
        self.answers = [(status, each if isinstance(each, bytes) else json.dumps(each).encode()) for each in answers]

    def next_answer(self, path: str) -> tuple[int, bytes]:
        """Status and body; the path is kept."""
        self.paths.append(path)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def target() -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            status, body = scripted.next_answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted = Scripted(server)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield scripted
        server.shutdown()
        serving.join()


@pytest.fixture(autouse=True)
def _polls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "POLL_S", 0.0)


def test_a_receipt_without_a_condition_is_asked_once(target: Scripted) -> None:
    values = {"lost": 3, "share": 0.25, "idle": False, "worker": "a"}
    target.will_answer(values)
    assert ask_receipt(target, Receipt(path="/r?x=1"), StopWish()) == values
    assert target.paths == ["/r?x=1"]


def test_what_the_harness_asked_is_counted_to_be_taken_off_the_servers_count(target: Scripted) -> None:
    target.will_answer({"idle": False}, {"idle": False}, {"idle": True})
    ask_receipt(target, Receipt(path="/r", until={"idle": True}), StopWish())
    assert target.harness_requests == 3 == len(target.paths)


def test_a_condition_that_comes_true_says_after_how_long(target: Scripted) -> None:
    target.will_answer({"idle": False, "done": 1}, {"idle": True, "done": 2})
    values = ask_receipt(target, Receipt(path="/r", until={"idle": True}), StopWish())
    assert isinstance(values.pop(IDLE_AFTER_KEY), float)
    assert values == {"idle": True, "done": 2}


def test_a_condition_that_never_comes_true_leaves_no_time_and_the_last_receipt(target: Scripted) -> None:
    target.will_answer({"backlog": 9}, {"backlog": 5})
    values = ask_receipt(target, Receipt(path="/r", until={"backlog": 0}, wait_s=0.05), StopWish())
    assert values == {"backlog": 5}


def test_a_missing_key_is_not_a_condition_met(target: Scripted) -> None:
    target.will_answer({"done": 1})
    assert IDLE_AFTER_KEY not in ask_receipt(target, Receipt(path="/r", until={"idle": False}, wait_s=0.01), StopWish())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b"[" * 5_000, "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": {"b": 1}}', "'a' is neither"),
        (b'{"a": null}', "'a' is neither"),
        (b'{"a": "' + b"x" * MAX_BYTES + b'"}', "larger than 16 KiB"),
        (json.dumps({str(key): key for key in range(MAX_KEYS + 1)}).encode(), "65 keys"),
    ],
)
def test_anything_but_a_small_flat_object_is_refused_in_one_sentence(target: Scripted, body: bytes, words: str) -> None:
    target.will_answer(body)
    with pytest.raises(TargetError, match=words) as refused:
        ask_receipt(target, Receipt(path="/r"), StopWish())
    assert refused.value.slug == "wrong-receipt"


def test_another_status_is_refused(target: Scripted) -> None:
    target.will_answer({"detail": "Not Found"}, status=404)
    with pytest.raises(TargetError, match="status 404"):
        ask_receipt(target, Receipt(path="/r"), StopWish())


def test_a_target_that_is_gone_is_a_target_error(target: Scripted) -> None:
    target.url = "http://127.0.0.1:1"
    with pytest.raises(TargetError, match="ConnectionRefusedError"):
        ask_receipt(target, Receipt(path="/r"), StopWish())


def test_a_signal_ends_the_waiting(target: Scripted) -> None:
    stop = StopWish()
    stop.signal_number = 2
    with pytest.raises(InterruptedRunError):
        ask_receipt(target, Receipt(path="/r", until={"idle": True}), stop)
