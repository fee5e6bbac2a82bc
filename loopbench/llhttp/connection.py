"""One keep-alive connection on gevent's loop: sends a request, waits, and passes what it receives to an `AnswerReader`.

Four things make it fast, the largest saving first. The socket is written and read without gevent's wrapper. One read
watcher stays active for the connection's life instead of being started and stopped around every wait. One timer that is
checked only when it fires replaces a `Timeout` object per request. Known answers are recognised (`HeadMemory`).

The permanent watcher also notices when a server closes an idle connection, so that most dead connections are replaced
before a request is lost on them.
"""

import socket
import ssl
import time
from collections.abc import Generator
from typing import Any, Final

import gevent.socket
from gevent import Timeout, get_hub, getcurrent

from loopbench.llhttp.answer import Answer, AnswerReader, HeadMemory, Limits
from loopbench.llhttp.errors import (
    ConnectError,
    ConnectionLostError,
    ConnectRefusedError,
    ConnectTimeoutError,
    ReadTimeoutError,
    TruncatedAnswerError,
)
from loopbench.llhttp.request import Origin, Request

FIRST_READ_BYTES: Final = 16 * 1024
NEXT_READ_BYTES: Final = 256 * 1024
_READABLE: Final = 1  # libev's EV_READ
_MIN_TIMER_S: Final = 0.001

_clock = time.perf_counter
_memory = HeadMemory()
_head_only_memory = HeadMemory()


class PlainWire:
    """A TCP socket driven without gevent's wrapper.

    Args:
        sock: a connected gevent socket.
        timeout_s: time for a whole request.
    """

    since_s = 0.0  # when the current request began; it ends `timeout_s` later, however the server spreads its answer

    def __init__(self, sock: Any, timeout_s: float) -> None:
        hub = get_hub()
        self._sock = sock
        self._raw_send = sock._sock.send  # noqa: SLF001  gevent keeps the plain, non-blocking socket there
        self._raw_recv = sock._sock.recv  # noqa: SLF001
        self._timeout_s = timeout_s
        self._switch_to_hub = hub.switch
        self._waiter: Any = None
        self.readable_while_idle = False  # readable while idle: the server closed it or sent unrequested bytes
        self._timer = hub.loop.timer(timeout_s)
        self._timer_active = False
        self._watcher = hub.loop.io(sock.fileno(), _READABLE)
        self._watcher.start(self._on_readable)

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            OSError: the connection is gone.
            ReadTimeoutError: the server does not read it.
        """
        try:
            sent = self._raw_send(data)
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            self._send_rest(data[sent:])

    def first(self) -> bytes:
        """Wait for the first bytes of an answer and return them; empty at the end of the stream."""
        self._wait()
        try:
            return self._raw_recv(FIRST_READ_BYTES)  # type: ignore[no-any-return]
        except BlockingIOError:
            return self.more()

    def more(self) -> bytes:
        """Return further bytes; empty at the end of the stream."""
        while True:
            if _clock() > self.since_s + self._timeout_s:
                raise ReadTimeoutError("no answer in time")
            try:
                return self._raw_recv(NEXT_READ_BYTES)  # type: ignore[no-any-return]
            except BlockingIOError:
                self._wait()

    def close(self) -> None:
        """Close at once. This is allowed while a greenlet that is being killed still waits."""
        self._waiter = None
        self._watcher.stop()
        self._watcher.close()
        self._timer.stop()
        self._timer.close()
        self._sock.close()

    def _send_rest(self, data: bytes) -> None:
        self._sock.settimeout(self._left_s())
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise ReadTimeoutError("the server does not take the request") from None

    def _wait(self) -> None:
        """Let other greenlets run until there is something to read. Raises ReadTimeoutError if nothing came in time."""
        if self.readable_while_idle:  # became readable while the request was still being sent
            self.readable_while_idle = False
            self._watcher.start(self._on_readable)
            return
        if not self._timer_active:
            self._timer_active = True
            self._restart_timer(self._left_s())
        self._waiter = getcurrent().switch
        try:
            in_time = self._switch_to_hub()
        except BaseException:  # a kill, or a Timeout set by the user
            self._waiter = None
            raise
        if not in_time:
            raise ReadTimeoutError("no answer in time")

    def _on_readable(self) -> None:
        """Called by the loop, in the hub's greenlet."""
        waiter = self._waiter
        if waiter is None:
            self.readable_while_idle = True
            self._watcher.stop()
            return
        self._waiter = None
        waiter(True)

    def _on_timer(self) -> None:
        """Called by the loop when a request may be over its time: end its wait, or restart the timer."""
        waiter = self._waiter
        if waiter is None:
            self._timer_active = False
            self._timer.stop()
            return
        if (left_s := self._left_s()) > _MIN_TIMER_S:
            self._restart_timer(left_s)
            return
        self._timer_active = False
        self._timer.stop()
        self._waiter = None
        waiter(False)

    def _left_s(self) -> float:
        return max(self.since_s + self._timeout_s - _clock(), _MIN_TIMER_S)

    def _restart_timer(self, after_s: float) -> None:
        self._timer.stop()
        self._timer.close()
        self._timer = get_hub().loop.timer(after_s)
        self._timer.start(self._on_timer)


class TlsWire:
    """A TLS socket, used through gevent's wrapper, which costs less than the encryption.

    Args:
        sock: a connected gevent SSLSocket.
        timeout_s: time for a whole request.
    """

    since_s = 0.0  # see `PlainWire`

    readable_while_idle = False  # session tickets also make an idle TLS connection readable

    def __init__(self, sock: Any, timeout_s: float) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        sock.settimeout(None)

    def send(self, data: bytes) -> None:
        """See `PlainWire.send`."""
        with self._deadline("the server does not take the request"):
            self._sock.sendall(data)

    def first(self) -> bytes:
        """See `PlainWire.first`."""
        return self.more()

    def more(self) -> bytes:
        """See `PlainWire.more`."""
        with self._deadline("no answer in time"):
            return self._sock.recv(NEXT_READ_BYTES)  # type: ignore[no-any-return]

    def _deadline(self, problem: str) -> Timeout:
        """Raise at the request's end; a timeout of the socket would begin anew with every part of a TLS record."""
        return Timeout(max(self.since_s + self._timeout_s - _clock(), _MIN_TIMER_S), ReadTimeoutError(problem))

    def close(self) -> None:
        """Close without TLS's closing handshake, which a client may skip."""
        self._sock.close()


class Connection:
    """A wire and the reader of its answers. Close it after any exception and after an answer without keep-alive.

    Args:
        wire: a connected wire.
        limits: the largest answer that is accepted.
    """

    wire: PlainWire | TlsWire
    """If `readable_while_idle` is set, the server closed it or sent unrequested bytes: do not use it again."""

    def __init__(self, wire: PlainWire | TlsWire, limits: Limits) -> None:
        self.wire = wire
        self._send = wire.send
        self._first = wire.first
        self._reader = AnswerReader(limits)

    def close(self) -> None:
        """Close the wire and drop what has come of an answer."""
        self._reader.give_back()
        self.wire.close()

    def exchange(self, request: Request, since_s: float) -> Answer:
        """Send a request that began at `since_s` and read its answer.

        Raises:
            ConnectionLostError: closed or reset before a byte of the answer came.
            LlhttpError: any other failure, by its type.
        """
        data = self._ask(request, since_s)
        memory = _head_only_memory if request.head_only else _memory
        answer = memory.recognise(data) or self._begin(data, memory, head_only=request.head_only)
        while answer is None:
            answer = self._more()
        return answer

    def stream(self, request: Request) -> Generator[Any, None, bool]:
        """Send a request; yield the head of its answer, then the body in pieces. Return whether to keep the connection.

        The body may last: its time begins anew with every wait.

        Raises:
            LlhttpError: as in `exchange`.
        """
        data = self._ask(request, _clock())
        answer = self._begin(data, _head_only_memory if request.head_only else _memory, head_only=request.head_only)
        while answer is None and self._reader.head is None:
            answer = self._more()
        yield answer.head if answer else self._reader.head
        while answer is None:
            if piece := self._reader.take():
                yield piece
            self.wire.since_s = _clock()
            answer = self._more()
        if answer.body:
            yield answer.body
        return answer.head.keep_alive

    def _ask(self, request: Request, since_s: float) -> bytes:
        lost: OSError | None = None
        self.wire.since_s = since_s
        try:
            self._send(request.wire)
        except OSError as error:  # the server may have answered (413) before it closed
            lost = error
        try:
            return self._first()
        except OSError as error:
            raise ConnectionLostError(_reason(lost or error)) from None

    def _begin(self, data: bytes, memory: HeadMemory, *, head_only: bool) -> Answer | None:
        if not data:
            raise ConnectionLostError("closed")
        self._reader.begin(memory, head_only=head_only)
        return self._reader.feed(data)

    def _more(self) -> Answer | None:
        """Wait for further bytes and return the answer if it is whole."""
        try:
            data = self.wire.more()
        except OSError as error:
            raise TruncatedAnswerError(_reason(error)) from None
        return self._reader.feed(data) if data else self._reader.end()


def connect(  # noqa: PLR0913  the options of a connection, and when its request began
    origin: Origin,
    since_s: float,
    *,
    connection_timeout_s: float,
    network_timeout_s: float,
    limits: Limits,
    ssl_context: ssl.SSLContext,
) -> Connection:
    """Open a connection, with TLS for https.

    Raises:
        ConnectTimeoutError: no connection within `connection_timeout_s`, or in the time of the request.
        ConnectError: any other failure.
    """
    left_s = min(connection_timeout_s, since_s + network_timeout_s - _clock())
    with Timeout(max(left_s, _MIN_TIMER_S), ConnectTimeoutError("no connection in time")):
        return _connect(origin, network_timeout_s, limits, ssl_context)


def _connect(origin: Origin, network_timeout_s: float, limits: Limits, ssl_context: ssl.SSLContext) -> Connection:
    try:
        sock = gevent.socket.create_connection((origin.host, origin.port))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin.scheme == "https":
                sock = ssl_context.wrap_socket(sock, server_hostname=origin.host)
                return Connection(TlsWire(sock, network_timeout_s), limits)
            return Connection(PlainWire(sock, network_timeout_s), limits)
        except BaseException:
            sock.close()
            raise
    except ConnectionRefusedError as error:
        raise ConnectRefusedError(_reason(error)) from None
    except OSError as error:
        raise ConnectError(_reason(error)) from None
    except UnicodeError:
        raise ConnectError("not a host name") from None


def _reason(error: OSError) -> str:
    """Return a short reason without addresses, so that equal errors are counted together."""
    if isinstance(error, ssl.SSLError):
        return str(error.reason or type(error).__name__)
    return error.strerror or type(error).__name__
