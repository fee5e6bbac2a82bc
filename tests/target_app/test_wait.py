"""Every style of waiting really waits and reports how long."""

import pytest

from tests.serving import ask
from tests.target_app.running_app import ask_all

pytestmark = pytest.mark.real

STYLES = ("async", "def", "run-in-threadpool", "anyio", "to-thread", "own-limiter", "blocking")
NEVER_EARLIER_S = 0.002  # timers count whole milliseconds


@pytest.mark.parametrize("style", STYLES)
def test_it_waits_as_long_raw_asked_to(app_port: int, style: str) -> None:
    _, _, body = ask(app_port, f"/wait/{style}?seconds=0.03")
    assert body["waited"] >= 0.03 - NEVER_EARLIER_S
    assert body["unit"] == "seconds"


def test_a_coroutine_that_is_not_awaited_does_not_wait(app_port: int) -> None:
    """Which is what `json_min` in the scenarios catches: only the answer itself says for sure that time is missing."""
    _, _, body = ask(app_port, "/wait/not-awaited?seconds=10")
    assert body["waited"] < 10


@pytest.mark.parametrize(
    ("style", "least"), [("two-blocking", 0.09), ("two-awaited", 0.09), ("two-gathered", 0.06)], ids=str
)
def test_two_waits_take_their_sum_or_the_longer(app_port: int, style: str, least: float) -> None:
    _, _, body = ask(app_port, f"/wait/{style}?first=0.06&second=0.03")
    assert body["waited"] >= least - 2 * NEVER_EARLIER_S


@pytest.mark.parametrize("seconds", [-1, 11, "long"])
@pytest.mark.parametrize("path", ["/wait/def", "/slow"])
def test_a_wait_out_of_bounds_is_refused(app_port: int, path: str, seconds: object) -> None:
    status, _, _ = ask(app_port, f"{path}?seconds={seconds}")
    assert status == 422


def test_the_routes_of_the_article_answer_with_its_words(app_port: int) -> None:
    paths = [
        "/",
        "/?seconds=0.01",
        "/fast",
        "/slow?seconds=0.01",
        "/sync-slow?seconds=0.01",
        "/async-slow?seconds=0.01",
    ]
    answers = [body["message"] for body in ask_all(app_port, paths)]
    assert answers == ["Hello World", "Hello World", "So fast", "So slow", "So slow", "So slow"]
