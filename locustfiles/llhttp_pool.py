"""The connections of one user: takes an idle one or opens one, asks, retries where that is safe, keeps what stays."""

import ssl
from typing import ClassVar, NamedTuple

from locustfiles.llhttp_answer import Answer, Limits
from locustfiles.llhttp_connection import Connection, connect
from locustfiles.llhttp_errors import ConnectionLostError, LlhttpError
from locustfiles.llhttp_request import Request
from loopbench.records.samples import FLAG_NEW_CONNECTION, FLAG_RETRIED

_outcome_of = tuple.__new__  # half the price of a NamedTuple's own constructor, and paid for every request


class ConnectionOptions(NamedTuple):
    """How to connect and how much to accept."""

    connection_timeout_s: float
    network_timeout_s: float  # for one wait
    limits: Limits
    ssl_context: ssl.SSLContext


class Outcome(NamedTuple):
    """What became of one request."""

    answer: Answer | None
    flags: int  # FLAG_NEW_CONNECTION, FLAG_RETRIED
    error: LlhttpError | None  # None exactly if there is an answer


class ConnectionPool:
    """Keep-alive connections by origin. Several greenlets may ask at once; each gets a connection of its own.

    Args:
        options: how to connect.
    """

    opened: ClassVar[int] = 0
    """Connections opened, or tried to, by all pools of this process."""

    def __init__(self, options: ConnectionOptions) -> None:
        self.new_connections = 0
        self.retries = 0
        self.max_body_bytes = options.limits.body_bytes
        self._options = options
        self._idle: dict[str, list[Connection]] = {}

    def exchange(self, request: Request) -> Outcome:
        """Ask once; twice if the first connection was an idle one that turned out to be dead and that is harmless.

        Network and protocol errors are returned. What kills the asking greenlet is raised; its connection is closed.
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
        """Close what is idle. The pool may still be used; it opens new connections then."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _take(self, request: Request) -> Connection | None:
        """An idle connection that nothing is known against."""
        idle = self._idle.get(request.pool)
        while idle:
            connection = idle.pop()
            if not connection.wire.stirred:
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
