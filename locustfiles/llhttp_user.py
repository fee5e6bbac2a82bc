"""A Locust user with a fast client, so that the client is not the bottleneck of a measurement.

To use it, change a locustfile's base class from FastHttpUser to `LlhttpUser`. docs/generator.md lists the differences
between the two APIs, and how fast the client is.
"""

import functools
import ssl
from typing import ClassVar, cast

import gevent.ssl
from gevent import Greenlet
from gevent.pool import Group
from locust.env import Environment
from locust.exception import StopTest
from locust.user.users import RestMixin, User

from locustfiles.llhttp_answer import DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_HEADER_BYTES, Limits
from locustfiles.llhttp_client import Exchange, LlhttpClient, PreparedRequest
from locustfiles.llhttp_pool import ConnectionOptions, ConnectionPool
from locustfiles.llhttp_response import LlhttpResponse
from locustfiles.llhttp_statistics import adopt

__all__ = ["Exchange", "LlhttpClient", "LlhttpResponse", "LlhttpUser", "PreparedRequest"]


class LlhttpUser(User, RestMixin[LlhttpResponse]):
    """A user with an HTTP/1.1 keep-alive client over gevent sockets, parsed by llhttp.

    Raises:
        StopTest: neither the class nor the command line names a host.
    """

    abstract = True

    connection_timeout: float = 60.0
    """Seconds allowed for opening a connection."""

    network_timeout: float = 60.0
    """Longest single wait for the server, in seconds."""

    max_redirects: int = 30
    """How many consecutive redirects are followed."""

    insecure: bool = True
    """Accept any TLS certificate."""

    default_headers: dict[str, str] | None = None
    """Sent with every request."""

    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES
    """An answer with a larger header section is an error."""

    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    """An answer with a larger body, as sent over the wire, is an error."""

    ssl_context: ClassVar[ssl.SSLContext | None] = None
    """Replaces the context that `insecure` selects."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest(
                "You must specify the base host. Either in the host attribute in the User class, "
                "or on the command line using the --host option."
            )
        self.client = LlhttpClient(
            self.host,
            self,
            adopt(environment),
            ConnectionPool(self._connection_options()),
            self.default_headers or {},
            self.max_redirects,
        )

    def start(self, group: Group) -> Greenlet:
        """Start the user as Locust does, and close its connections when it ends, for whatever reason."""
        greenlet: Greenlet = super().start(group)
        greenlet.link(lambda _: self.client.close())
        return greenlet

    def _connection_options(self) -> ConnectionOptions:
        return ConnectionOptions(
            connection_timeout_s=self.connection_timeout,
            network_timeout_s=self.network_timeout,
            limits=Limits(self.max_header_bytes, self.max_body_bytes),
            ssl_context=self.ssl_context or _ssl_context(insecure=self.insecure),
        )


@functools.cache
def _ssl_context(*, insecure: bool) -> ssl.SSLContext:
    """Return one context for all users: loading certificates takes longer than a test's first hundred requests."""
    context = gevent.ssl.create_default_context()  # type: ignore[attr-defined]
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return cast("ssl.SSLContext", context)
