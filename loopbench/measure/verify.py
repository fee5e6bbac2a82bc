"""Before a run: sends every request once and compares each answer with what the scenario expects."""

import http.client
import json
import time
from typing import Final
from urllib.parse import urlsplit

from loopbench.errors import TargetError
from loopbench.measure.running_target import NONCE_HEADER
from loopbench.measure.target import AnyTarget
from loopbench.records.load_order import OrderedRequest

SHOWN_BYTES: Final = 500
MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""The same limit as in the generator's client."""
PIECE_BYTES: Final = 1024 * 1024


def verify(target: AnyTarget, requests: tuple[OrderedRequest, ...]) -> None:
    """Send every request once.

    Raises:
        TargetError: an answer is wrong, too late, or comes from another process.
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
    """Returns a connection to a target, not opened yet."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=timeout_s)


def _read_body(answer: http.client.HTTPResponse, ends_s: float) -> bytes:
    """Returns the whole body. A body that drips or never ends would pass any limit on a single wait.

    Args:
        answer: its head has been read.
        ends_s: when the body must be complete, on the monotonic clock.

    Raises:
        TimeoutError: it is not complete by then.
        HTTPException: it is too large, or shorter than announced.
    """
    body = bytearray()
    while piece := answer.read1(PIECE_BYTES):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise http.client.HTTPException(f"a body of more than {MAX_BODY_BYTES} bytes")
        if time.monotonic() > ends_s:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _ask(target: AnyTarget, request: OrderedRequest) -> tuple[int, str | None, bytes]:
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


def _wrong(target: AnyTarget, request: OrderedRequest, problem: str, body: bytes) -> TargetError:
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
