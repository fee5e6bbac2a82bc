"""The connections of one user: reuses or opens a connection, sends, retries where that is safe, and keeps it open."""

import ssl
from collections.abc import Generator
from io import BufferedReader
from typing import Any, ClassVar, NamedTuple

from loopbench.llhttp.answer import Answer, Limits
from loopbench.llhttp.connection import Connection, connect
from loopbench.llhttp.errors import ConnectionLostError, LlhttpError
from loopbench.llhttp.request import Request
from loopbench.llhttp.stream import body_stream
from loopbench.records.samples import FLAG_NEW_CONNECTION, FLAG_RETRIED

_outcome_of = tuple.__new__  # half the cost of a NamedTuple's own constructor, for every request


class ConnectionOptions(NamedTuple):
    """Timeouts, TLS and limits of a connection."""

    connection_timeout_s: float
    network_timeout_s: float  # for a whole request
    limits: Limits
    ssl_context: ssl.SSLContext


class Outcome(NamedTuple):
    """The outcome of one request."""

    answer: Answer | None
    flags: int  # FLAG_NEW_CONNECTION, FLAG_RETRIED
    error: Exception | None  # the pool sets it exactly if there is no answer
    stream: BufferedReader | None = None  # the body of an answer that is not read yet


class ConnectionPool:
    """Keep-alive connections by origin. Concurrent greenlets each get their own connection.

    Args:
        options: timeouts, TLS and limits.
    """

    opened: ClassVar[int] = 0  # connections that all pools of this process have opened or tried to open

    def __init__(self, options: ConnectionOptions) -> None:
        self.new_connections = 0
        self.retries = 0
        self.max_body_bytes = options.limits.body_bytes
        self._options = options
        self._idle: dict[str, list[Connection]] = {}

    def exchange(self, request: Request, since_s: float) -> Outcome:
        """Send a request that began at `since_s`."""
        connection = self._take(request)
        if connection is None:
            return self._ask_on_new(request, since_s, 0)
        try:
            answer = connection.exchange(request, since_s)
        except ConnectionLostError as error:
            connection.close()
            if not request.idempotent:
                return Outcome(None, 0, error)
            self.retries += 1
            return self._ask_on_new(request, since_s, FLAG_RETRIED)
        except LlhttpError as error:
            connection.close()
            return Outcome(None, 0, error)
        except BaseException:
            connection.close()
            raise
        if answer.head.keep_alive:
            self._idle[request.pool].append(connection)
        else:
            connection.close()
        return _outcome_of(Outcome, (answer, 0, None, None))

    def begin(self, request: Request, since_s: float) -> Outcome:
        """Send a request and return when the head of its answer has come. There is no retry."""
        connection, flags = self._take(request), 0
        try:
            if connection is None:
                flags = FLAG_NEW_CONNECTION
                connection = self._connect(request, since_s)
            pieces = self._stream(connection, request)
            head = next(pieces)
        except LlhttpError as error:
            return Outcome(None, flags, error)
        return Outcome(Answer(head, b""), flags, None, body_stream(pieces))

    def _stream(self, connection: Connection, request: Request) -> Generator[Any, None, None]:
        keep = False
        try:
            keep = yield from connection.stream(request)
        finally:
            if keep:
                self._idle.setdefault(request.pool, []).append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close idle connections. The pool can still be used and then opens new ones."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _take(self, request: Request) -> Connection | None:
        """Return an idle connection that seems alive, or None."""
        idle = self._idle.get(request.pool)
        while idle:
            connection = idle.pop()
            if not connection.wire.readable_while_idle:
                return connection
            connection.close()
        return None

    def _ask_on_new(self, request: Request, since_s: float, flags: int) -> Outcome:
        flags |= FLAG_NEW_CONNECTION
        try:
            connection = self._connect(request, since_s)
        except LlhttpError as error:
            return Outcome(None, flags, error)
        try:
            answer = connection.exchange(request, since_s)
        except LlhttpError as error:
            connection.close()
            return Outcome(None, flags, error)
        except BaseException:
            connection.close()
            raise
        if answer.head.keep_alive:
            self._idle.setdefault(request.pool, []).append(connection)
        else:
            connection.close()
        return Outcome(answer, flags, None)

    def _connect(self, request: Request, since_s: float) -> Connection:
        self.new_connections += 1
        ConnectionPool.opened += 1
        return connect(request.origin, since_s, **self._options._asdict())
