"""Before anything is measured: everything is asked once, and every answer held against what the scenario expects."""

import http.client
import json
import time
from typing import Final, Protocol
from urllib.parse import urlsplit

from loopbench.errors import TargetError
from loopbench.records.load_order import OrderedRequest

NONCE_HEADER: Final = "X-Loopbench-Run"
SHOWN_BYTES: Final = 500
MOST_BODY_BYTES: Final = 256 * 1024 * 1024
"""As the generator's client has it."""
PIECE_BYTES: Final = 1024 * 1024


class Verifiable(Protocol):
    """A target, as far as verifying needs it. `harness_requests` is what we asked, to be taken off its own count."""

    harness_requests: int

    @property
    def url(self) -> str:
        """Scheme, host and port."""

    @property
    def nonce(self) -> str:
        """The run's."""

    @property
    def must_carry_nonce(self) -> bool:
        """Whether every answer has to, since we started the server; otherwise a nonce that is there must be ours."""

    def check_alive(self) -> None:
        """Raise TargetError if it has ended."""

    def last_words(self) -> str:
        """The end of its log, if we have it."""


def verify(target: Verifiable, requests: tuple[OrderedRequest, ...]) -> None:
    """Ask everything once.

    Raises:
        TargetError: an answer is wrong, too late, or comes from somebody else.
    """
    for request in requests:
        target.check_alive()
        status, nonce, body = _ask(target, request)
        if nonce != target.nonce and (nonce is not None or target.must_carry_nonce):
            raise _wrong(target, request, "the answer does not come from this run's target", body)
        problem = request.expect.problem(status, body)
        if problem is not None:
            raise _wrong(target, request, problem, body)


def connect(url: str, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to a target, not opened yet."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=timeout_s)


def _read_body(answer: http.client.HTTPResponse, ends_s: float) -> bytes:
    """The whole body. One that drips or never ends would pass any limit on a single wait.

    Args:
        answer: its head has been read.
        ends_s: when it must be there, on the monotonic clock.

    Raises:
        TimeoutError: it is not.
        HTTPException: it is too large, or shorter than announced.
    """
    body = bytearray()
    while piece := answer.read1(PIECE_BYTES):
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise http.client.HTTPException(f"a body of more than {MOST_BODY_BYTES} bytes")
        if time.monotonic() > ends_s:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _ask(target: Verifiable, request: OrderedRequest) -> tuple[int, str | None, bytes]:
    connection = connect(target.url, request.timeout_s)
    ends_s = time.monotonic() + request.timeout_s
    target.harness_requests += 1
    try:
        connection.request(request.method, request.target, body=request.body or None, headers=request.headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader(NONCE_HEADER), _read_body(answer, ends_s)
    except TimeoutError:
        raise _wrong(target, request, f"no answer within {request.timeout_s:g} s", b"") from None
    except (http.client.HTTPException, OSError) as problem:
        target.check_alive()
        raise _wrong(target, request, f"{type(problem).__name__}: {problem}", b"") from None
    finally:
        connection.close()


def _wrong(target: Verifiable, request: OrderedRequest, problem: str, body: bytes) -> TargetError:
    shown, log = body[:SHOWN_BYTES].decode("utf-8", "replace"), target.last_words()
    return TargetError(
        f"{request.name!r} was asked once before the run and its answer is wrong: {problem}",
        slug="wrong-answer",
        where=f"{request.method} {request.target}",
        allowed=_expected(request),
        hints=("correct path, params or expect in the scenario, or the app",),
        detail=f"answer: {shown}\n{log}" if shown else log,
    )


def _expected(request: OrderedRequest) -> str:
    expect = request.expect
    parts = [f"status {expect.status}"]
    if expect.json:
        parts.append(f"json {json.dumps(dict(expect.json))}")
    if expect.json_min:
        parts.append(f"at least {json.dumps(dict(expect.json_min))}")
    if expect.size_bytes is not None:
        parts.append(f"{expect.size_bytes} bytes")
    return ", ".join(parts)
