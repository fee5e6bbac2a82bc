"""The work of clients that disconnected, by the receipt of each style."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import Request

from loopbench.bundled.target_app import cancellation
from loopbench.bundled.target_app.cancellation import STEPS, Tally
from tests.serving import ask
from tests.target_app.running_app import eventually

pytestmark = pytest.mark.real

LEFT_ALONE = {  # style: (finished, cancelled) for one answered request and one whose client disconnected
    "async": (2, 0),
    "def": (2, 0),
    "stream": (1, 1),
    "watched": (1, 1),
    "cleaned-up": (1, 1),
    "shielded": (2, 0),
}


LONGEST_S = 10
"""The longest work the routes accept."""


@pytest.mark.parametrize("style", LEFT_ALONE)
def test_the_receipt_says_what_became_of_the_work(app_port: int, style: str) -> None:
    """Work that is cancelled would take long: the client hangs up before its end, however slow the machine is."""
    finished, cancelled = LEFT_ALONE[style]
    assert ask(app_port, f"/cancel/{style}?seconds=0")[0] == 200
    hang_up(app_port, f"/cancel/{style}?seconds={LONGEST_S if cancelled else 0.5}")
    receipt = settled(app_port, style)
    assert (receipt["started"], receipt["finished"], receipt["cancelled"]) == (2, finished, cancelled)


def test_work_that_is_cancelled_is_left_half_done_with_the_steps_it_had_made() -> None:
    tally = cancelled_after_some_steps("watched", cancellation.cancel_watched)
    assert (tally.cancelled, tally.half_done) == (1, 1)
    assert 0 < tally.steps_left < STEPS


def test_work_that_cleans_up_after_itself_leaves_nothing() -> None:
    tally = cancelled_after_some_steps("cleaned-up", cancellation.cancel_cleaned_up)
    assert (tally.cancelled, tally.half_done, tally.steps_left) == (1, 0, 0)


def test_shielded_work_does_all_its_steps() -> None:
    tally = cancelled_after_some_steps("shielded", cancellation.cancel_shielded)
    assert (tally.finished, tally.cancelled, tally.half_done) == (1, 0, 0)


def test_an_unknown_style_has_no_receipt(app_port: int) -> None:
    assert ask(app_port, "/cancel/nothing/receipt")[0] == 404


def cancelled_after_some_steps(style: str, endpoint: Callable[..., Awaitable[object]]) -> Tally:
    """Return the counts of work whose client leaves in the middle of it: each step takes one turn of the loop."""

    async def leave() -> dict[str, str]:
        for _ in range(STEPS // 2):
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def ask_and_leave() -> None:
        await endpoint(Request({"type": "http"}, leave), seconds=0)
        await asyncio.gather(*cancellation.shielded_tasks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cancellation.TALLIES, style, tally := Tally())
        asyncio.run(ask_and_leave())
    return tally


def hang_up(port: int, path: str) -> None:
    """Send a request, wait until its work has begun, and disconnect."""
    style = path.partition("?")[0]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_until(port, f"{style}/receipt", lambda receipt: receipt["started"] == 2)


def settled(port: int, style: str) -> Any:
    """Return the receipt when no work is running."""
    return wait_until(port, f"/cancel/{style}/receipt", lambda receipt: receipt["running"] == 0)


def wait_until(port: int, path: str, holds: Any) -> Any:
    """The first receipt for which it holds."""
    return eventually(lambda: ask(port, path)[2], holds)
