"""After the load: asks the target for its receipt, the counts of the work it accepted."""

import http.client
import time
from typing import Any

from loopbench.errors import TargetError
from loopbench.measure.asking import Message, ask
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.measure.verify import shown_body
from loopbench.records.codec import parse_json
from loopbench.scenario.requests import Receipt

MAX_BYTES = 16 * 1024
MAX_KEYS = 64
POLL_S = 0.1
ANSWER_S = 10.0

IDLE_AFTER_KEY = "idle_after_s"
"""Seconds from the end of the load until the receipt had its `until` values; absent if it never had."""

ReceiptValue = int | float | bool | str


def ask_receipt(target: AnyTarget, receipt: Receipt, stop: StopWish) -> dict[str, ReceiptValue]:
    """Returns the last receipt of the target, with `idle_after_s` if its `until` values were reached.

    Raises:
        TargetError: no answer, another status than 200, or no flat JSON object of numbers, texts and truths.
    """
    began = time.monotonic()
    while True:
        stop.check()
        target.check_alive()
        values = _ask(target, receipt.path, stop)
        waited_s = time.monotonic() - began
        if not receipt.until:
            return values
        if all(key in values and values[key] == wanted for key, wanted in receipt.until.items()):
            return values | {IDLE_AFTER_KEY: round(waited_s, 3)}
        if waited_s >= receipt.wait_s:
            return values
        time.sleep(POLL_S)


def _ask(target: AnyTarget, path: str, stop: StopWish) -> dict[str, ReceiptValue]:
    try:
        answer = ask(target, Message("GET", path), ANSWER_S, stop)
    except TimeoutError:
        raise _wrong(path, f"no answer within {ANSWER_S:g} s") from None
    except (http.client.HTTPException, OSError) as problem:
        target.check_alive()
        raise _wrong(path, f"{type(problem).__name__}: {problem}") from None
    if answer.status != http.client.OK:
        raise _wrong(path, f"status {answer.status}", answer.body)
    return _parse(path, answer.body)


def _parse(path: str, body: bytes) -> dict[str, ReceiptValue]:
    """Returns a receipt's values; anything else is refused before it reaches a record."""
    if len(body) > MAX_BYTES:
        raise _wrong(path, f"the answer is larger than {MAX_BYTES // 1024} KiB")
    try:
        values: Any = parse_json(body)
    except ValueError:
        raise _wrong(path, "the answer is not JSON", body) from None
    if not isinstance(values, dict):
        raise _wrong(path, "the answer is not a JSON object", body)
    if len(values) > MAX_KEYS:
        raise _wrong(path, f"the answer has {len(values)} keys, more than {MAX_KEYS}")
    odd = [key for key, value in values.items() if not isinstance(value, int | float | str)]
    if odd:
        raise _wrong(path, f"{odd[0]!r} is neither a number, a text, true nor false", body)
    return values


def _wrong(path: str, problem: str, body: bytes = b"") -> TargetError:
    return TargetError(
        f"the receipt after the load could not be had: {problem}",
        slug="wrong-receipt",
        where=f"GET {path}",
        allowed="status 200 and a flat JSON object",
        hints=("correct receipt.path in the scenario, or the app",),
        detail=shown_body(body),
    )
