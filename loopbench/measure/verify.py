"""Before a run: sends every request once and compares each answer with what the scenario expects."""

import http.client
import json
import time
from collections.abc import Iterable, Sequence
from typing import Final

from loopbench.errors import TargetError
from loopbench.measure.asking import Answer, Message, ask
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.records.tracebacks import last_exception
from loopbench.scenario.requests import PlainRequest
from loopbench.secrecy import hidden_part

INTERNAL_SERVER_ERROR: Final = 500
SHOWN_BYTES: Final = 500
WRONG_ANSWER: Final = "wrong-answer"
NO_ANSWER: Final = "no-answer"
LOG_S: Final = 1.0
"""How long a target may take to log the exception of an answer with status 500: it is logged after the answer."""
END_S: Final = 1.0
LOOK_S: Final = 0.02


def verify(target: AnyTarget, requests: Iterable[PlainRequest], stop: StopWish) -> None:
    """Send every request once. Raises TargetError if an answer is wrong, too late, or comes from another process."""
    for request in requests:
        answer = ask_request(target, request, stop)
        problem = request.expect.problem(answer.status, answer.body)
        if problem is not None:
            if answer.status >= INTERNAL_SERVER_ERROR:
                _wait_for_exception(target)
            raise wrong_answer(target, request, problem, shown_body(answer.body))


def shown_body(body: bytes) -> str:
    """Return the beginning of an answer's body, without secrets."""
    return hidden_part(body, 0, SHOWN_BYTES).decode("utf-8", "replace")


def _wait_for_exception(target: AnyTarget) -> None:
    deadline = time.monotonic() + LOG_S
    while not last_exception(target.last_words()) and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def check_alive_soon(target: AnyTarget) -> None:
    """Raise TargetError if it ends within a moment: a closed connection is seen before the exit code."""
    deadline = time.monotonic() + END_S
    while time.monotonic() < deadline:
        target.check_alive()
        time.sleep(LOOK_S)


def ask_request(target: AnyTarget, request: PlainRequest, stop: StopWish) -> Answer:
    """Send a request and return its answer, which this run's target gave."""
    target.check_alive()
    target.mark_log()
    message = Message(request.method, request.request_target, request.sent_headers, request.sent_body)
    try:
        answer = ask(target, message, request.timeout_s, stop)
    except TimeoutError:
        raise wrong_answer(target, request, f"no answer within {request.timeout_s:g} s", slug=NO_ANSWER) from None
    except (http.client.HTTPException, OSError) as problem:
        check_alive_soon(target)
        raise wrong_answer(target, request, f"{type(problem).__name__}: {problem}") from None
    if answer.nonce != target.nonce and (answer.nonce is not None or target.must_carry_nonce):
        raise wrong_answer(target, request, "the answer does not come from this run's target")
    return answer


def wrong_answer(  # noqa: PLR0913  what an error consists of
    target: AnyTarget,
    request: PlainRequest,
    problem: str,
    shown: str = "",
    slug: str = WRONG_ANSWER,
    variables: Sequence[str] = (),
) -> TargetError:
    """Return the error of a request that was sent once before the load; `variables` are those that it contains."""
    log = target.last_words()
    log = last_exception(log) or log
    return TargetError(
        f"{request.name!r} was requested once before the load: {problem}",
        slug=slug,
        where=f"{request.method} {request.request_target}",
        allowed=_expected(request),
        hints=(
            *([f"check the values of {', '.join(variables)} in the environment"] if variables else []),
            "correct path, params or expect in the scenario, or the app",
        ),
        detail=f"answer: {shown}\n{log}".rstrip() if shown else log,
    )


def _expected(request: PlainRequest) -> str:
    expect = request.expect
    parts = [f"status {expect.status}"]
    if expect.json_:
        parts.append(f"json {json.dumps(expect.json_)}")
    if expect.json_min:
        parts.append(f"at least {json.dumps(expect.json_min)}")
    if expect.body_bytes is not None:
        parts.append(f"{expect.body_bytes} bytes")
    return ", ".join(parts)
