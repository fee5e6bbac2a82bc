"""A burst: sends a few requests at once, each over a socket of its own, and times their progress.

Without Locust: one thread and a selector are enough for a handful, and nothing stands between the clock and the socket.
"""

import http.client
import io
import math
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from loopbench.errors import TargetError
from loopbench.measure.running_target import NONCE_HEADER
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.records.stamps import ASK_HEADER, UNSTAMPED, read_stamps
from loopbench.records.timeline import TimedRequest
from loopbench.scenario import Request

LOOK_EVERY_S = 0.1
READ_BYTES = 65_536
MAX_ANSWER_BYTES = 16_000_000


@dataclass
class _Conversation:
    """One request under way. Times are the host's monotonic clock."""

    request: Request
    connection: socket.socket
    sent_s: float
    received_s: float | None = None
    data: bytes = b""
    problem: str = ""


def ask_at_once(target: AnyTarget, requests: Sequence[Request], stop: StopWish) -> tuple[TimedRequest, ...]:
    """Send all requests in this order, without waiting for any answer, and note when each answer was whole.

    Every request asks the probe for its stamps, which it gives at the explain level.

    Args:
        target: started on this host, so that its clock is ours.
        requests: their bodies small enough for a socket's buffer.
        stop: checked while answers are awaited.

    Raises:
        TargetError: a connection is refused.
    """
    conversations: list[_Conversation] = []
    try:
        for request in requests:
            conversations.append(_sent(target, request))  # noqa: PERF401  those that are open get closed
        _wait_for_all(conversations, stop)
    finally:
        for each in conversations:
            each.connection.close()
    first_s = conversations[0].sent_s
    return tuple(_timed(each, first_s, target.nonce) for each in conversations)


def _sent(target: AnyTarget, request: Request) -> _Conversation:
    sent_s = time.monotonic()
    try:
        connection = socket.create_connection(("127.0.0.1", target.port), timeout=request.timeout_s)
        connection.sendall(_message(request, target.port))
    except OSError as problem:
        target.check_alive()
        raise TargetError(
            f"{request.name!r} could not be sent: {problem.strerror or problem}", slug="not-sent", where=target.url
        ) from None
    connection.setblocking(False)
    return _Conversation(request, connection, sent_s)


def _message(request: Request, port: int) -> bytes:
    """The request as bytes; the server closes when it has answered, and that is the answer's end."""
    body = request.sent_body
    headers = {"Host": f"127.0.0.1:{port}", ASK_HEADER: "1", **request.sent_headers, "Connection": "close"}
    if body or request.method in {"POST", "PUT", "PATCH"}:
        headers["Content-Length"] = str(len(body))
    lines = [
        f"{request.method} {request.request_target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _wait_for_all(conversations: Sequence[_Conversation], stop: StopWish) -> None:
    with selectors.DefaultSelector() as selector:
        for each in conversations:
            selector.register(each.connection, selectors.EVENT_READ, each)
        while selector.get_map():
            stop.check()
            for key, _ in selector.select(LOOK_EVERY_S):
                _read(key.data, selector)
            for waiting in [key.data for key in selector.get_map().values()]:
                if time.monotonic() > waiting.sent_s + waiting.request.timeout_s:
                    _give_up(waiting, f"no answer within {waiting.request.timeout_s:g} s", selector)


def _read(each: _Conversation, selector: selectors.BaseSelector) -> None:
    try:
        piece = each.connection.recv(READ_BYTES)
    except BlockingIOError:
        return
    except OSError as problem:
        _give_up(each, problem.strerror or type(problem).__name__, selector)
        return
    each.data += piece
    if not piece:
        each.received_s = time.monotonic()
        selector.unregister(each.connection)
    elif len(each.data) > MAX_ANSWER_BYTES:
        _give_up(each, f"more than {MAX_ANSWER_BYTES:,} bytes", selector)


def _give_up(each: _Conversation, problem: str, selector: selectors.BaseSelector) -> None:
    each.problem = problem
    selector.unregister(each.connection)


def _timed(each: _Conversation, first_s: float, nonce: str) -> TimedRequest:
    """Seconds after the first request was sent, and what is wrong with the answer."""
    status, problem, stamps = None, each.problem, UNSTAMPED
    if each.received_s is not None:
        status, problem = _check_answer(each, nonce)
        head = each.data.partition(b"\r\n\r\n")[0] + b"\r\n"
        stamps = read_stamps(head, each.sent_s, each.received_s - each.sent_s)
    entered_s = each.sent_s + stamps.before_app_s
    return TimedRequest(
        label=each.request.name,
        sent_s=_after(first_s, each.sent_s) or 0.0,
        entered_s=_after(first_s, entered_s),
        answering_s=_after(first_s, entered_s + stamps.in_app_s),
        received_s=None if problem and status is None else _after(first_s, each.received_s),
        status=status,
        problem=problem,
    )


def _check_answer(each: _Conversation, nonce: str) -> tuple[int | None, str]:
    answer = http.client.HTTPResponse(cast("Any", _ReceivedBytes(each.data)), method=each.request.method)
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError) as problem:
        return None, f"no HTTP answer ({type(problem).__name__})"
    if answer.getheader(NONCE_HEADER) != nonce:
        return answer.status, "the answer does not come from this run's target"
    return answer.status, each.request.expect.problem(answer.status, body) or ""


class _ReceivedBytes:
    """Received bytes in the form that `http.client` reads: a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        """A file over the bytes."""
        return io.BytesIO(self._data)


def _after(first_s: float, moment_s: float | None) -> float | None:
    """Returns seconds after the first, to the microsecond; None: not observed."""
    return None if moment_s is None or math.isnan(moment_s) else round(moment_s - first_s, 6)
