"""The HTTP client of one user: connections, retries, redirects, and the reports to Locust.

There are two ways to send a request. `request` (and `get`, `post`, ...) is FastHttpUser's API. `prepare` once and
`send` often is for closed loops that must be fast: it creates no response object and returns a tuple.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from gevent import GreenletExit, Timeout
from locust.user.users import User

from loopbench.llhttp.cookies import Cookies
from loopbench.llhttp.errors import (
    BadStatusError,
    ContentEncodingError,
    ForeignRedirectError,
    LlhttpError,
    ReadTimeoutError,
    TooManyRedirectsError,
)
from loopbench.llhttp.headers import ACCEPT_ENCODING, Headers, decoded
from loopbench.llhttp.pool import ConnectionPool, Outcome
from loopbench.llhttp.request import Check, Request, absolute, basic_auth, encode, split_login
from loopbench.llhttp.response import LlhttpResponse
from loopbench.llhttp.statistics import Row, TalliedStats
from loopbench.llhttp.stream import lines

CACHED_REQUESTS: Final = 1024
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_SEE_OTHER: Final = frozenset((301, 302, 303))  # a POST becomes a GET, as in browsers (RFC 9110, section 15.4)

_ACCEPT: Final = MappingProxyType({"Accept-Encoding": ACCEPT_ENCODING})
_NO_PARTS: Final[Mapping[str, Any]] = MappingProxyType(dict.fromkeys(("params", "headers", "json", "data", "files")))

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


class LlhttpClient:
    """Sends requests and reports them. Each user has one and closes it when the user ends.

    Args:
        base_url: prefix of relative URLs; its user and password are sent to its own server only.
        user: the client's user; its `context()` goes into every event.
        stats: receives the reports; shared by all users of a test.
        pool: supplies connections.
        default_headers: sent with every request.
        max_redirects: how many consecutive redirects are followed.
    """

    def __init__(  # noqa: PLR0913  one argument per collaborator or setting
        self,
        base_url: str | None,
        user: User,
        stats: TalliedStats,
        pool: ConnectionPool,
        default_headers: Mapping[str, str],
        max_redirects: int,
    ) -> None:
        self.base_url, self._login = split_login(base_url or "")
        self.request_name: str | None = None
        self.cookiejar = Cookies()
        self.pool = pool
        self.user = user
        self._stats = stats
        self._default_headers = default_headers
        self._max_redirects = max_redirects
        self._cache: dict[tuple[str, str, int], Request] = {}
        # `request` with a method; a partial costs a tenth of a method that passes its options on
        self.get, self.head, self.options, self.delete = (
            partial(self.request, method) for method in ("GET", "HEAD", "OPTIONS", "DELETE")
        )

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
            data: body.
            check: takes status and body of every answer and returns what is wrong, or None. An exception also counts
                as wrong. Without a check, a redirect or a status of 400 or more is wrong. It runs after the
                latency was measured.
        """
        request = self._encode(method, url, params=params, headers=headers, json=json, data=data)
        return PreparedRequest(request, name or url, check, self._stats.rows[request.method, name or url])

    def send(self, prepared: PreparedRequest) -> Exchange:
        """Send a prepared request, check the answer, and report it to Locust. No redirects, no cookies, no decoding.

        Network errors and wrong answers are not raised but returned as `error`.
        """
        request = prepared.request
        start_s = _clock()
        answer, flags, error, _ = self.pool.exchange(request, start_s)
        end_s = _clock()
        latency_s = end_s - start_s
        if answer is None:
            status, body, head = 0, b"", b""
            problem: Exception | None = error
        else:
            (status, _, _, head, _), body = answer
            problem = _problem(prepared.check, status, body)
        if not self._stats.tally(self.user, prepared.row, end_s, latency_s, len(body), status, problem):
            outcome = Outcome(answer, flags, problem)
            self._fire(LlhttpResponse(request, request, outcome, prepared.name, start_s, end_s, self.user))
        return _exchange_of(Exchange, (status, body, start_s, latency_s, flags, problem, head))

    def request(  # noqa: PLR0913  FastHttpUser's interface
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str | bytes, str | bytes] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] | None = None,
        params: Any = None,
        files: Any = None,
        timeout: float | None = None,
    ) -> LlhttpResponse:
        """Send a request and report it.

        Args:
            method: GET, POST, ...
            url: absolute, or appended to the base URL.
            name: name of its row in the statistics, instead of the URL.
            data: body: bytes, text, an open file, or a mapping or pairs that are sent as a form.
            catch_response: use the result in a with-block, which decides whether the request was good.
            stream: return when the head of the answer has come; the response time ends there. The caller reads the
                body, which is not decoded.
            headers: added to the default headers; the same name replaces.
            auth: user and password for Basic authentication.
            json: body, sent as JSON if `data` is empty.
            allow_redirects: follow redirects, as part of the same request.
            context: added to the event's context.
            params: appended to the query.
            files: sent as multipart/form-data.
            timeout: seconds for the whole request with its redirects (of a stream, until its head has come).

        Raises:
            ValueError: the request is not valid (never because of the network or the answer).
        """
        parts, stats, name = _NO_PARTS, self._stats, name or self.request_name or url
        if data is headers is json is params is files is None and not (auth or stream):
            key = (method, url, self.cookiejar.version)
            first = last = self._cache.get(key) or self._remembered(*key)
        else:
            if auth:
                headers = {"Authorization": basic_auth(*auth), **(headers or {})}
            parts = {"params": params, "headers": headers, "json": json, "data": data, "files": files}
            first = last = self._encode(method, url, compressed=not stream, **parts)
        limit = None if timeout is None else Timeout.start_new(timeout, ReadTimeoutError("no answer in time"))
        start_s = _clock()
        try:
            outcome = self.pool.begin(first, start_s) if stream else self.pool.exchange(first, start_s)
            plain = outcome.answer is not None and outcome.answer.head.plain
            if not plain:
                last, outcome = self._follow(first, outcome, parts if allow_redirects else None, start_s, stream=stream)
        except GreenletExit:
            if stats.observer is not None:
                stats.observer.cut(self.user, stats.rows[first.method, name].name, start_s)
            raise
        finally:
            if limit is not None:
                limit.close()
        end_s = _clock()
        if not plain:
            outcome = self._judged(outcome, last.url)
        response = LlhttpResponse(first, last, outcome, name, start_s, end_s, self.user, context)
        if catch_response:
            response.report = self._report
            return response
        answer, row = outcome.answer, stats.rows[first.method, name]
        size_bytes = response.length_bytes if answer is None or stream else len(answer.body)
        status = 0 if answer is None else answer.head.status
        if not stats.tally(self.user, row, end_s, end_s - start_s, size_bytes, status, outcome.error):
            self._fire(response)
        return response

    def iter_lines(self, url: str, method: str = "GET", **options: Any) -> Iterator[str]:
        """`request` with `stream=True`; yield the lines of the answer as they come.

        Raises:
            LlhttpError: there is no good answer, or it ends early.
        """
        response = self.request(method, url, stream=True, **options)
        response.raise_for_status()
        return lines(response.iter_content())

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

    def _encode(
        self, method: str, url: str, headers: Mapping[str, str] | None, *, compressed: bool = False, **parts: Any
    ) -> Request:
        whole = absolute(self.base_url, url)
        lines = {**(_ACCEPT if compressed else {}), **self._default_headers, **(headers or {})}
        if self._login and urlsplit(whole).netloc == urlsplit(self.base_url).netloc:
            lines = self._login | lines
        if cookie := self.cookiejar.header(whole):
            lines.setdefault("Cookie", cookie)
        return encode(method, whole, headers=lines, **parts)

    def _remembered(self, method: str, url: str, cookies: int) -> Request:
        """Encode a request that depends only on method, URL and this version of the cookies, and keep it."""
        if len(self._cache) >= CACHED_REQUESTS:
            self._cache.clear()
        request = self._cache[method, url, cookies] = self._encode(method, url, compressed=True, **_NO_PARTS)
        return request

    def _follow(
        self, request: Request, outcome: Outcome, parts: Mapping[str, Any] | None, start_s: float, *, stream: bool
    ) -> tuple[Request, Outcome]:
        """Keep cookies and follow redirects, unless `parts` is None. Return the last request and its outcome.

        No redirect leaves the origin of the request: headers and bodies would go with it.
        """
        flags, origin = outcome.flags, request.origin
        for left in range(self._max_redirects, -1, -1):
            answer = outcome.answer
            if answer is None or answer.head.plain:
                return request, outcome._replace(flags=flags)
            self.cookiejar.keep(request.url, answer.head.raw)
            location = Headers.of(answer).get("location") if answer.head.status in REDIRECTS else None
            if parts is None or location is None:
                return request, outcome._replace(flags=flags)
            if not left:
                break
            method, parts = _redirected(request, answer.head.status, parts)
            try:
                target = urljoin(request.url, location)
                request = self._encode(method, target, compressed=not stream, **parts)
            except ValueError:
                return request, Outcome(None, flags, TooManyRedirectsError("redirected to what is not an http URL"))
            if request.origin != origin:
                return request, Outcome(None, flags, ForeignRedirectError("redirected to another origin"))
            self._stats.redirects += 1
            outcome = self.pool.begin(request, start_s) if stream else self.pool.exchange(request, start_s)
            flags |= outcome.flags
        return request, Outcome(None, flags, TooManyRedirectsError("too many redirects"))

    def _judged(self, outcome: Outcome, url: str) -> Outcome:
        """Return the outcome with its body decoded and with the error of a bad status."""
        answer, flags, error, stream = outcome
        if answer is not None:
            error = _status_problem(answer.head.status)
            if stream is None:
                try:
                    answer = decoded(answer, self.pool.max_body_bytes)
                except ContentEncodingError as wrong:
                    answer, error = None, wrong
        if isinstance(error, LlhttpError):
            error.url = url
        return Outcome(answer, flags, error, stream)

    def _report(self, response: LlhttpResponse) -> None:
        """Report the request of a with-block, which may have changed every fact of it."""
        meta = response.request_meta
        row, latency_s = self._stats.rows[meta["request_type"], meta["name"]], meta["response_time"] / 1000
        size_bytes, status, error = meta["response_length"], response.status_code, meta["exception"] or None
        if not self._stats.tally(self.user, row, _clock(), latency_s, size_bytes, status, error):
            self._fire(response)

    def _fire(self, response: LlhttpResponse) -> None:
        self._stats.event.fire(**response.request_meta, response=response)


def _redirected(request: Request, status: int, parts: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the method and parts of the request that follows a redirect."""
    parts = {**parts, "params": None}  # the new URL has its own query
    if status in _SEE_OTHER and request.method != "HEAD":
        return "GET", {**parts, "json": None, "data": None, "files": None}
    return request.method, parts


def _problem(check: Check | None, status: int, body: bytes) -> Exception | None:
    """Return what is wrong with a whole answer, or None."""
    if check is None:
        return BadStatusError(status) if status in REDIRECTS else _status_problem(status)
    try:
        return check(status, body)
    except Exception as error:  # noqa: BLE001  the request was sent and must be counted, whatever its check does
        return error


def _status_problem(status: int) -> BadStatusError | None:
    """Return what is wrong with an answer's status, or None."""
    return BadStatusError(status) if status >= 400 else None
