"""Answers that would hold a client for ever, or lead it elsewhere."""

import http.client
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from loopbench.errors import TargetError
from loopbench.measure.asking import Message, ask
from loopbench.measure.receipt import ask_receipt
from loopbench.measure.remote_target import RemoteTarget
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.scenario.requests import Receipt

GOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
DRIPS: Final = {
    "endless 100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", GOOD),
    "a header that drips": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", b"\r\nContent-Length: 0\r\n\r\n"),
    "a body that drips": (b"HTTP/1.1 200 OK\r\n\r\n", b" ", b"{}"),
}
PIECES: Final = 100
PAUSE_S: Final = 0.02
"""Each piece comes well within the timeouts below; all of them together take longer, and then the answer is good."""


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[RemoteTarget]:
    """A server for one connection, and the target that it is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield RemoteTarget(f"http://127.0.0.1:{listening.getsockname()[1]}", "nonce", None, None)
        thread.join()


def dripping(first: bytes, piece: bytes, last: bytes) -> Callable[[socket.socket], None]:
    """An answer in many pieces, until the client has gone."""
    gone = threading.Event()

    def serve(connection: socket.socket) -> None:
        try:
            connection.sendall(first)
            for _ in range(PIECES):
                gone.wait(PAUSE_S)
                connection.sendall(piece)
            connection.sendall(last)
        except OSError:
            pass

    return serve


@pytest.mark.parametrize("drip", DRIPS)
def test_the_deadline_is_for_the_whole_answer(drip: str) -> None:
    with serving(dripping(*DRIPS[drip])) as target, pytest.raises(TimeoutError):
        ask(target, Message("GET", "/"), 0.2, StopWish())


def test_a_receipt_that_drips_is_a_missing_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopbench.measure.receipt.ANSWER_S", 0.2)
    drip = dripping(*DRIPS["a body that drips"])
    with serving(drip) as target, pytest.raises(TargetError, match="no answer within"):
        ask_receipt(target, Receipt(path="/"), StopWish())


@pytest.mark.parametrize("drip", DRIPS)
def test_a_signal_is_obeyed_while_an_answer_drips(drip: str) -> None:
    stop, serve = StopWish(), dripping(*DRIPS[drip])

    def serve_after_a_signal(connection: socket.socket) -> None:
        stop.signal_number = signal.SIGINT
        serve(connection)

    with serving(serve_after_a_signal) as target, pytest.raises(InterruptedRunError):
        ask(target, Message("GET", "/"), 600, stop)


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda connection: connection.sendall(moved)) as target:
        assert ask(target, Message("GET", "/"), 600, StopWish()).status == http.client.FOUND
