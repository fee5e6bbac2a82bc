"""The response object of a locustfile: the commonly used part of FastHttpUser's response, and the with-block."""

import codecs
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from types import TracebackType
from typing import Any, Self

from locust.exception import CatchResponseError, LocustError, ResponseError
from locust.user.users import User

from loopbench.llhttp.errors import LlhttpError
from loopbench.llhttp.headers import Headers
from loopbench.llhttp.pool import Outcome
from loopbench.llhttp.request import Request
from loopbench.llhttp.stream import chunks

_clock = time.perf_counter


class LlhttpResponse:
    """The outcome of one request. Headers, text and metadata are computed on demand.

    Without an answer `status_code` is 0, `headers`, `content` and `text` are None, and `error` is set.

    Args:
        first: the request.
        last: the last request after redirects; usually the same.
        outcome: its answer, or what is wrong.
        name: name of the request in the statistics.
        start_s: when it began, on the monotonic clock.
        end_s: when it ended.
        user: adds to the event's context.
        context: added to the event's context.
    """

    encoding: str | None = None  # overrides the charset of Content-Type if it is set before `text` is read

    js: Any = None  # the body parsed as JSON; set by Locust's `rest`

    report: Callable[["LlhttpResponse"], None] | None = None
    """Called at the end of a with-block; None if the request was already reported."""

    _outcome: bool | Exception | None = None
    _entered = False

    def __init__(  # noqa: PLR0913  the facts of one request
        self,
        first: Request,
        last: Request,
        outcome: Outcome,
        name: str,
        start_s: float,
        end_s: float,
        user: User,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        self.request = last
        self._first = first
        self._answer, self.flags, self.error, self.stream = outcome
        self._name = name
        self.start_monotonic_s = start_s
        self._latency_s = end_s - start_s
        self._user = user
        self._context = context

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status_code} {self.url}>"

    @cached_property
    def request_meta(self) -> dict[str, Any]:
        """The arguments of Locust's `request` event, except for the response. A with-block may change them."""
        return {
            "request_type": self._first.method,
            "name": self._name,
            "response_time": self._latency_s * 1000,
            "response_length": self.length_bytes,
            "exception": self.error,
            "context": {**self._user.context(), **(self._context or {})},
            "start_time": time.time() - (_clock() - self.start_monotonic_s),
            "url": self._first.url,
        }

    @property
    def status_code(self) -> int:
        """The status; 0 without an answer."""
        return self._answer.head.status if self._answer else 0

    @property
    def url(self) -> str:
        """The URL that was requested last, after redirects."""
        return self.request.url

    @property
    def length_bytes(self) -> int:
        """The size of the body; of a stream, the announced size, or 0."""
        if self.stream is not None and self.headers is not None:
            return int(self.headers.get("content-length", 0))
        return len(self._answer.body) if self._answer else 0

    @property
    def ok(self) -> bool:
        """Whether the answer is whole and its status below 400."""
        return self.error is None

    @property
    def elapsed(self) -> timedelta:
        """Time from the first byte sent (or from opening the connection) to the last byte of the answer."""
        return timedelta(seconds=self._latency_s)

    @property
    def headers(self) -> Headers | None:
        """The header lines, without the trailers of a chunked answer."""
        return Headers.of(self._answer) if self._answer else None

    @property
    def content(self) -> bytes | None:
        """The decoded body; of a stream, what has not been read yet, as received."""
        if self._answer is not None and self.stream is not None and (rest := self.stream.read()):
            self._answer = self._answer._replace(body=rest)
        return self._answer.body if self._answer else None

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Iterator[Any]:
        """Yield the body as it comes, at most `chunk_size` bytes at once: as text, or else as bytes."""
        stream = self.stream or BytesIO(self.content or b"")
        return chunks(stream, chunk_size, self._charset() if decode_content else None)

    @property
    def text(self) -> str | None:
        """The body as text, in `encoding`, else Content-Type's charset, else UTF-8. Invalid bytes are replaced."""
        content = self.content
        return None if content is None else content.decode(self._charset(), "replace")

    def json(self) -> Any:
        """Parse the body as JSON. Raises ValueError if it is not JSON."""
        return json.loads(self.content or b"")

    def raise_for_status(self) -> None:
        """Raise the error, or what `failure` was called with. There is none after `success`."""
        outcome = self.error if self._outcome is None else self._outcome
        if isinstance(outcome, Exception):
            raise outcome

    def __enter__(self) -> Self:
        if self.report is None:
            raise LocustError("In order to use a with-block for requests, you must also pass catch_response=True")
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        assert self.report is not None
        if self._outcome is not None:
            self.request_meta["exception"] = self._outcome if isinstance(self._outcome, Exception) else None
        elif isinstance(value, ResponseError | LlhttpError):
            self.request_meta["exception"] = value
        elif kind is not None:
            return False  # the task failed, not the request; Locust reports task errors itself
        self.report(self)
        return kind is None or self._outcome is None

    def success(self) -> None:
        """Count the request as good, whatever its status."""
        self._decide(outcome=True)

    def failure(self, problem: Any) -> None:
        """Count the request as failed; `problem` is an exception or a description."""
        self._decide(outcome=problem if isinstance(problem, Exception) else CatchResponseError(problem))

    def _decide(self, outcome: bool | Exception) -> None:
        if not self._entered:
            raise LocustError(
                "To change a request's outcome, pass catch_response=True and use a with-block: "
                "with self.client.get(..., catch_response=True) as response: response.success()"
            )
        self._outcome = outcome

    def _charset(self) -> str:
        named = self.encoding or _charset_of(self.headers.get("content-type", "") if self.headers else "")
        try:
            return codecs.lookup(named).name
        except LookupError:
            return "utf-8"


def _charset_of(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"
