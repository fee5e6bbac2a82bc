"""The HTTP client of one user: connections, retries, redirects, and the reports to Locust.

There are two ways to send a request. `request` (and `get`, `post`, ...) is FastHttpUser's API. `prepare` once and
`send` often is for closed loops that must be fast: it creates no response object and returns a tuple.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit

from locustfiles import llhttp_request
from locustfiles.llhttp_answer import Answer
from locustfiles.llhttp_cookies import Cookies
from locustfiles.llhttp_errors import BadStatusError, ContentEncodingError, TooManyRedirectsError
from locustfiles.llhttp_headers import Headers, decoded
from locustfiles.llhttp_pool import ConnectionPool, Outcome
from locustfiles.llhttp_request import Check, Request
from locustfiles.llhttp_response import LlhttpResponse
from locustfiles.llhttp_statistics import Row, TalliedStats

CACHED_REQUESTS: Final = 1024
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_PERSONAL: Final = frozenset(("authorization", "cookie"))
_SEE_OTHER: Final = frozenset((301, 302, 303))  # a POST becomes a GET, as in browsers (RFC 9110, section 15.4)

_clock = time.perf_counter
_exchange_of = tuple.__new__  # half the cost of a NamedTuple's own constructor


class Exchange(NamedTuple):
    """The result of one `send`."""

    status: int  # 0: no answer
    body: bytes
    start_s: float  # on the monotonic clock: when sending, or opening the connection, began
    latency_s: float  # until the last byte of the answer was parsed, or the error was known
    flags: int  # FLAG_NEW_CONNECTION, FLAG_RETRIED
    error: Exception | None  # None: the answer was whole and passed its check
    head: bytes  # the answer's status line and headers as received; empty without an answer


@dataclass(frozen=True, slots=True, eq=False)
class PreparedRequest:
    """An encoded request that any user of the same test can send any number of times."""

    request: Request
    name: str
    check: Check | None
    row: Row


class Asker(Protocol):
    """The user that a client belongs to."""

    def context(self) -> dict[str, Any]:
        """Return what the user adds to every request event."""


class LlhttpClient:
    """Sends requests and reports them. Each user has one and closes it when the user ends.

    Args:
        base_url: prefix of relative URLs.
        user: its `context()` goes into every event.
        stats: receives the reports; shared by all users of a test.
        pool: supplies connections.
        default_headers: sent with every request.
        max_redirects: how many consecutive redirects are followed.
    """

    def __init__(  # noqa: PLR0913  one argument per collaborator or setting
        self,
        base_url: str | None,
        user: Asker,
        stats: TalliedStats,
        pool: ConnectionPool,
        default_headers: Mapping[str, str],
        max_redirects: int,
    ) -> None:
        self.base_url = base_url
        self.request_name: str | None = None
        self.cookies = Cookies()
        self.pool = pool
        self._user = user
        self._stats = stats
        self._default_headers = default_headers
        self._max_redirects = max_redirects
        self._cache: dict[tuple[str, str], Request] = {}

    def prepare(  # noqa: PLR0913  a request's own parts
        self,
        method: str,
        url: str,
        *,
        name: str | None = None,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        check: Check | None = None,
    ) -> PreparedRequest:
        """Encode a request once, to send it many times.

        Args:
            method: as in `request`, like all arguments that are not described here.
            url: absolute, or appended to the base URL.
            name: name of its row in the statistics.
            params: appended to the query.
            headers: added to the default headers.
            json: body, sent as JSON.
            data: body, sent unchanged.
            check: takes status and body of every answer and returns what is wrong, or None. An exception also counts
                as wrong. Without a check, a status of 400 or more is wrong. It runs after the latency was measured.

        Raises:
            ValueError: the request is not valid.
        """
        request = self._encode(method, url, params=params, headers=headers, json=json, data=data)
        return PreparedRequest(request, name or url, check, self._stats.row(method, name or url))

    def send(self, prepared: PreparedRequest) -> Exchange:
        """Send a prepared request, check the answer, and report it to Locust. No redirects, no cookies, no decoding.

        Network errors and wrong answers are not raised but returned as `error`.
        """
        request = prepared.request
        start_s = _clock()
        answer, flags, error = self.pool.exchange(request)
        end_s = _clock()
        latency_s = end_s - start_s
        if answer is None:
            status, body, head = 0, b"", b""
            problem: Exception | None = error
        else:
            (status, _, _, head), body = answer
            problem = _problem(prepared.check, status, body)
        if self._stats.direct:
            self._stats.note(prepared.row, end_s, latency_s * 1000, len(body))
            if problem is not None:
                self._stats.log_error(request.method, prepared.name, problem)
        else:
            meta = self._meta(request, prepared.name, Outcome(answer, flags, error), start_s, end_s)
            meta["exception"] = problem
            meta["response"] = LlhttpResponse(answer, meta, None)
            self._report(meta)
        return _exchange_of(Exchange, (status, body, start_s, latency_s, flags, problem, head))

    def request(  # noqa: PLR0913  FastHttpUser's interface
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] | None = None,
        params: Any = None,
    ) -> LlhttpResponse:
        """Send a request and report it.

        Args:
            method: GET, POST, ...
            url: absolute, or appended to the base URL.
            name: name of its row in the statistics, instead of the URL.
            data: body: bytes, text, or a mapping that is sent as a form.
            catch_response: use the result in a with-block, which decides whether the request was good.
            headers: added to the default headers; the same name replaces.
            auth: user and password for Basic authentication.
            json: body, sent as JSON if `data` is empty.
            allow_redirects: follow redirects, as part of the same request.
            context: added to the event's context.
            params: appended to the query.

        Raises:
            ValueError: the request is not valid (never because of the network or the answer).
        """
        if auth:
            headers = {"Authorization": llhttp_request.basic_auth(*auth), **(headers or {})}
        parts = {"params": params, "headers": headers, "json": json, "data": data}
        request = self._encode(method, url, **parts)
        start_s = _clock()
        outcome = self._ask(request)
        if allow_redirects and outcome.answer is not None and outcome.answer.head.status in REDIRECTS:
            followed = self._follow(request, outcome.answer, parts)
            outcome = followed._replace(flags=outcome.flags | followed.flags)
        end_s = _clock()
        outcome = self._decoded(outcome)
        meta = self._meta(request, name or self.request_name or url, outcome, start_s, end_s)
        meta["context"].update(context or {})
        response = LlhttpResponse(outcome.answer, meta, self._report if catch_response else None)
        meta["response"] = response
        if not catch_response:
            self._report(meta)
        return response

    def get(self, url: str, **options: Any) -> LlhttpResponse:
        """`request` with GET."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> LlhttpResponse:
        """`request` with HEAD."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Any) -> LlhttpResponse:
        """`request` with OPTIONS."""
        return self.request("OPTIONS", url, **options)

    def delete(self, url: str, **options: Any) -> LlhttpResponse:
        """`request` with DELETE."""
        return self.request("DELETE", url, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> LlhttpResponse:
        """`request` with POST."""
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> LlhttpResponse:
        """`request` with PUT."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> LlhttpResponse:
        """`request` with PATCH."""
        return self.request("PATCH", url, data=data, **options)

    @contextlib.contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Use this name for requests without a name inside the with-block."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def close(self) -> None:
        """Close idle connections. The client can still be used and then opens new ones."""
        self.pool.close()

    def _encode(self, method: str, url: str, **parts: Any) -> Request:
        """Encode a request; cache it if it depends only on method and URL."""
        plain = not self.cookies and all(value is None for value in parts.values())
        if plain and (known := self._cache.get((method, url))):
            return known
        whole = llhttp_request.absolute(self.base_url, url)
        headers = {**self._default_headers, **(parts.pop("headers") or {})}
        if self.cookies and (cookie := self.cookies.header(whole)):
            headers.setdefault("Cookie", cookie)
        request = llhttp_request.encode(method, whole, headers=headers, **parts)
        if plain:
            if len(self._cache) >= CACHED_REQUESTS:
                self._cache.clear()
            self._cache[method, url] = request
        return request

    def _ask(self, request: Request) -> Outcome:
        outcome = self.pool.exchange(request)
        if outcome.answer is not None:
            self.cookies.keep(request.url, outcome.answer.head.raw)
        return outcome

    def _follow(self, request: Request, answer: Answer, parts: dict[str, Any]) -> Outcome:
        """Follow redirects and return the outcome of the last request."""
        for _ in range(self._max_redirects):
            location = Headers.of(answer).get("location")
            if location is None:
                return Outcome(answer, 0, None)
            target = urljoin(request.url, location)
            method, parts = _redirected(request, answer.head.status, target, parts)
            try:
                request = self._encode(method, target, **parts)
            except ValueError:
                return Outcome(None, 0, TooManyRedirectsError("redirected to what is not an http URL"))
            outcome = self._ask(request)
            if outcome.answer is None or outcome.answer.head.status not in REDIRECTS:
                return outcome
            answer = outcome.answer
        return Outcome(None, 0, TooManyRedirectsError("too many redirects"))

    def _decoded(self, outcome: Outcome) -> Outcome:
        if outcome.answer is None:
            return outcome
        try:
            return Outcome(decoded(outcome.answer, self.pool.max_body_bytes), outcome.flags, None)
        except ContentEncodingError as error:
            return Outcome(None, outcome.flags, error)

    def _meta(self, request: Request, name: str, outcome: Outcome, start_s: float, end_s: float) -> dict[str, Any]:
        """Return the arguments of Locust's `request` event and two of our own, the last ones."""
        answer = outcome.answer
        return {
            "request_type": request.method,
            "name": name,
            "response_time": (end_s - start_s) * 1000,
            "response_length": len(answer.body) if answer else 0,
            "exception": outcome.error or (_status_problem(answer.head.status) if answer else None),
            "context": dict(self._user.context()),
            "start_time": time.time() - (_clock() - start_s),
            "url": request.url,
            "start_monotonic_s": start_s,
            "flags": outcome.flags,
        }

    def _report(self, meta: dict[str, Any]) -> None:
        if not self._stats.direct:
            self._stats.event.fire(**meta)
            return
        method, name = meta["request_type"], meta["name"]
        self._stats.note(self._stats.row(method, name), _clock(), meta["response_time"], meta["response_length"])
        if meta["exception"]:
            self._stats.log_error(method, name, meta["exception"])


def _redirected(request: Request, status: int, target: str, parts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the method and parts of the request that follows a redirect."""
    parts = parts | {"params": None}  # the new URL has its own query
    if urlsplit(target).netloc != urlsplit(request.url).netloc:  # credentials for one server must not go to another
        headers = parts["headers"] or {}
        parts["headers"] = {name: value for name, value in headers.items() if name.lower() not in _PERSONAL}
    if status in _SEE_OTHER and request.method != "HEAD":
        return "GET", parts | {"json": None, "data": None}
    return request.method, parts


def _problem(check: Check | None, status: int, body: bytes) -> Exception | None:
    """Return what is wrong with a whole answer, or None."""
    if check is None:
        return _status_problem(status)
    try:
        return check(status, body)
    except Exception as error:  # noqa: BLE001  the request was sent and must be counted, whatever its check does
        return error


def _status_problem(status: int) -> BadStatusError | None:
    """Return what is wrong with an answer's status, or None."""
    return BadStatusError(status) if status >= 400 else None
