"""A Locust user with a fast client, so that the client is not the bottleneck of a measurement.

To use it, change a locustfile's base class from FastHttpUser to `LlhttpUser`. docs/generator.md lists the differences
between the two APIs, and how fast the client is.
"""

import functools
import ssl
from types import MappingProxyType
from typing import Any, ClassVar, Final, cast

import gevent.ssl
from gevent import Greenlet
from gevent.pool import Group
from locust.env import Environment
from locust.exception import StopTest
from locust.user.task import DefaultTaskSet, TaskSet
from locust.user.users import RestMixin, User

from loopbench.errors import UsageError
from loopbench.llhttp.answer import DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_HEADER_BYTES, Limits
from loopbench.llhttp.client import Exchange, LlhttpClient, PreparedRequest
from loopbench.llhttp.pool import ConnectionOptions, ConnectionPool
from loopbench.llhttp.response import LlhttpResponse
from loopbench.llhttp.statistics import adopt
from loopbench.llhttp.tasks import QuickTaskSet

__all__ = ["Exchange", "LlhttpClient", "LlhttpResponse", "LlhttpUser", "PreparedRequest"]

_NEVER_S: Final = 10 * 365 * 86_400.0

_NO_PROXY = "requests go to `host` itself: use FastHttpUser to measure through a proxy"
_OWN_CONNECTIONS = "each user has its own connections, one per request in flight: limit them with a gevent.pool.Pool"
_UNSUPPORTED: Final = MappingProxyType(
    {
        "proxy_host": _NO_PROXY,
        "proxy_port": _NO_PROXY,
        "ssl_context_factory": "set `ssl_context` to the context that the factory returns",
        "client_pool": _OWN_CONNECTIONS,
        "pool_manager": _OWN_CONNECTIONS,
        "concurrency": _OWN_CONNECTIONS,
        "max_retries": "an idempotent request on a dead connection is sent once more: retry others in the task",
    }
)
"""Settings of FastHttpUser and HttpUser that would change the load if they were ignored, and what to do instead."""


class LlhttpUser(User, RestMixin[LlhttpResponse]):
    """A user with an HTTP/1.1 keep-alive client over gevent sockets, parsed by llhttp.

    Raises:
        UsageError: a subclass has a setting of FastHttpUser or HttpUser that is not supported.
        StopTest: neither the class nor the command line names a host.
    """

    abstract = True

    connection_timeout: float | None = 60.0  # seconds allowed for opening a connection; None: no limit

    network_timeout: float | None = 60.0
    """Seconds allowed for a whole request, connection and redirects included, or for a single wait of a stream.

    None: no limit.
    """

    max_redirects: int = 30
    """How many consecutive redirects are followed. None leaves the scheme, host and port of the request."""

    insecure: bool = True  # accept any TLS certificate

    default_headers: dict[str, str] | None = None  # sent with every request

    max_header_bytes: int = DEFAULT_MAX_HEADER_BYTES  # an answer with a larger header section is an error

    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES  # an answer with a larger body, as sent over the wire, is an error

    ssl_context: ClassVar[ssl.SSLContext | None] = None  # replaces the context that `insecure` selects

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for setting, instead in _UNSUPPORTED.items():
            if getattr(cls, setting, None):
                raise UsageError(
                    f"{cls.__name__}.{setting} = {getattr(cls, setting)!r} is not supported by LlhttpUser; {instead}."
                )

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

    @property
    def _taskset_instance(self) -> TaskSet | None:
        return self._tasks

    @_taskset_instance.setter
    def _taskset_instance(self, tasks: TaskSet | None) -> None:
        """Replace Locust's root task set, which `run` sets when the user starts."""
        self._tasks = QuickTaskSet(self) if type(tasks) is DefaultTaskSet else tasks

    def _connection_options(self) -> ConnectionOptions:
        return ConnectionOptions(
            connection_timeout_s=_NEVER_S if self.connection_timeout is None else self.connection_timeout,
            network_timeout_s=_NEVER_S if self.network_timeout is None else self.network_timeout,
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
