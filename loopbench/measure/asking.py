"""The harness's own HTTP client: one request, and one deadline over name lookup, connection, head and body.

The request runs in a thread of its own, so that neither a server that drips nor a slow name server keeps a signal from
being obeyed.
"""

import contextlib
import http.client
import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from loopbench.measure.running_target import NONCE_HEADER
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget

MAX_BODY_BYTES: Final = 256 * 1024 * 1024  # the same limit as in the generator's client
PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Message:
    """One request."""

    method: str
    target: str  # path and query
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    nonce: str | None  # of the run whose target it comes from; None: it carries none
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def ask(target: AnyTarget, message: Message, timeout_s: float, stop: StopWish) -> Answer:
    """Send a request to a target, and follow no redirect.

    Raises:
        TimeoutError: the answer is not whole after `timeout_s` seconds.
        http.client.HTTPException, OSError: there is no answer, or none that can be used.
    """
    address, opened = urlsplit(target.url), list[socket.socket]()
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=timeout_s)

    def exchange() -> Answer:
        connection.connect()
        opened.append(connection.sock)
        connection.request(message.method, message.target, body=message.body or None, headers=message.headers)
        with connection.getresponse() as answer:
            headers = tuple(answer.getheaders())
            return Answer(answer.status, answer.getheader(NONCE_HEADER), _read_body(answer), headers)

    target.harness_requests += 1
    try:
        return stop.within(timeout_s, exchange)
    finally:
        for each in opened:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread
        connection.close()


def _read_body(answer: http.client.HTTPResponse) -> bytes:
    """The whole body, if it is not too large and not shorter than announced."""
    body = bytearray()
    while piece := answer.read1(PIECE_BYTES):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise http.client.HTTPException(f"a body of more than {MAX_BODY_BYTES} bytes")
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)
