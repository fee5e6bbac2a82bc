"""The response object of a locustfile: the commonly used part of FastHttpUser's response, and the with-block."""

import json
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from locust.exception import CatchResponseError, LocustError, ResponseError

from locustfiles.llhttp_answer import Answer
from locustfiles.llhttp_errors import LlhttpError
from locustfiles.llhttp_headers import Headers

Report = Callable[[dict[str, Any]], None]
"""Receives a request's metadata (the arguments of Locust's `request` event) once its outcome is known."""


class LlhttpResponse:
    """The outcome of one request. Headers and text are computed on demand.

    Without an answer `status_code` is 0, `headers`, `content` and `text` are None, and `error` is set.

    Args:
        answer: the answer, or None.
        meta: the arguments of Locust's `request` event.
        report: called with `meta` at the end of a with-block; None if the request was already reported.
    """

    encoding: str | None = None
    """Overrides the charset of Content-Type if it is set before `text` is read."""

    js: Any = None
    """The body parsed as JSON; set by Locust's `rest`."""

    def __init__(self, answer: Answer | None, meta: dict[str, Any], report: Report | None) -> None:
        self._answer = answer
        self._report = report
        self._outcome: bool | Exception | None = None
        self._entered = False
        self.request_meta = meta
        self.error: Exception | None = meta["exception"]
        self.url: str = meta["url"]
        self.status_code: int = answer.head.status if answer else 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status_code} {self.url}>"

    @property
    def ok(self) -> bool:
        """Whether the answer is whole and its status below 400."""
        return self.error is None

    @property
    def elapsed(self) -> timedelta:
        """Time from the first byte sent (or from opening the connection) to the last byte of the answer."""
        return timedelta(milliseconds=self.request_meta["response_time"])

    @property
    def headers(self) -> Headers | None:
        """The header lines, without the trailers of a chunked answer."""
        return Headers.of(self._answer) if self._answer else None

    @property
    def content(self) -> bytes | None:
        """The body, decoded from gzip or deflate."""
        return self._answer.body if self._answer else None

    @property
    def text(self) -> str | None:
        """The body as text, in `encoding`, else Content-Type's charset, else UTF-8. Invalid bytes are replaced."""
        content = self.content
        if content is None or self.headers is None:
            return None
        charset = self.encoding or _charset(self.headers.get("content-type", ""))
        try:
            return content.decode(charset, "replace")
        except LookupError:
            return content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Parse the body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.content or b"")

    def raise_for_status(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Self:
        if self._report is None:
            raise LocustError("In order to use a with-block for requests, you must also pass catch_response=True")
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        assert self._report is not None
        if self._outcome is not None:
            self.request_meta["exception"] = self._outcome if isinstance(self._outcome, Exception) else None
        elif isinstance(value, ResponseError | LlhttpError):
            self.request_meta["exception"] = value
        elif kind is not None:
            return False  # the task failed, not the request; Locust reports task errors itself
        self._report(self.request_meta)
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


def _charset(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"
