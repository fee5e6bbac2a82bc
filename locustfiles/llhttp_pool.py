"""The connections of one user: reuses or opens a connection, sends, retries where that is safe, and keeps it open."""

import ssl
from typing import ClassVar, NamedTuple

from locustfiles.llhttp_answer import Answer, Limits
from locustfiles.llhttp_connection import Connection, connect
from locustfiles.llhttp_errors import ConnectionLostError, LlhttpError
from locustfiles.llhttp_request import Request
from loopbench.records.samples import FLAG_NEW_CONNECTION, FLAG_RETRIED

_outcome_of = tuple.__new__  # half the cost of a NamedTuple's own constructor, for every request


class ConnectionOptions(NamedTuple):
    """Timeouts, TLS and limits of a connection."""

    connection_timeout_s: float
    network_timeout_s: float  # longest single wait
    limits: Limits
    ssl_context: ssl.SSLContext


class Outcome(NamedTuple):
    """The outcome of one request."""

    answer: Answer | None
    flags: int  # FLAG_NEW_CONNECTION, FLAG_RETRIED
    error: LlhttpError | None  # None exactly if there is an answer


class ConnectionPool:
    """Keep-alive connections by origin. Concurrent greenlets each get their own connection.

    Args:
        options: timeouts, TLS and limits.
    """

    opened: ClassVar[int] = 0
    """Connections that all pools of this process have opened or tried to open."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.new_connections = 0
        self.retries = 0
        self.max_body_bytes = options.limits.body_bytes
        self._options = options
        self._idle: dict[str, list[Connection]] = {}

    def exchange(self, request: Request) -> Outcome:
        """Send a request. Retry once if an idle connection turned out to be dead and a second request is harmless.

        Network and protocol errors are returned. An exception that kills the greenlet is raised, and its connection is
        closed.
        """
        connection = self._take(request)
        if connection is None:
            return self._ask_on_new(request, 0)
        try:
            answer = connection.exchange(request)
        except ConnectionLostError as error:
            connection.close()
            if not request.idempotent:
                return Outcome(None, 0, error)
            self.retries += 1
            return self._ask_on_new(request, FLAG_RETRIED)
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
        return _outcome_of(Outcome, (answer, 0, None))

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

    def _ask_on_new(self, request: Request, flags: int) -> Outcome:
        flags |= FLAG_NEW_CONNECTION
        self.new_connections += 1
        ConnectionPool.opened += 1
        try:
            connection = connect(request.origin, **self._options._asdict())
        except LlhttpError as error:
            return Outcome(None, flags, error)
        try:
            answer = connection.exchange(request)
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
