"""Every style really calls the upstream, and the upstream's counts match the style."""

from collections.abc import Iterator

import pytest

from loopbench.measure.services import started
from loopbench.measure.stop import StopWish
from tests.serving import ask
from tests.target_app.running_app import ask_all, running

pytestmark = pytest.mark.real

ONE_CALL = (
    "shared-client",
    "client-per-request",
    "def-requests",
    "def-httpx",
    "async-requests",
    "async-httpx-sync",
)
FAN_OUTS = ("sequential", "gather", "gather-semaphore", "task-group")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with started(["upstream"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


@pytest.fixture
def port(services: dict[str, str]) -> Iterator[int]:
    """Run a fresh app for every test, with its own counters in the upstream."""
    with running("target_app.only:downstream", env=services) as free:
        yield free


def receipt(port: int) -> dict[str, int]:
    status, _, body = ask(port, "/downstream/receipt")
    assert status == 200
    values: dict[str, int] = body
    return values


def test_every_style_waits_for_the_upstream(port: int) -> None:
    for style in ONE_CALL:
        assert ask(port, f"/downstream/{style}?wait_ms=7")[2] == {"answers": 1, "waited_ms": 7}
    for style in FAN_OUTS:
        assert ask(port, f"/fan-out/{style}?wait_ms=3&calls=4")[2] == {"answers": 4, "waited_ms": 12}
    assert receipt(port)["requests"] == len(ONE_CALL) + 4 * len(FAN_OUTS)
    assert receipt(port)["requests_now"] == 0


def test_one_caller_does_not_see_another(services: dict[str, str]) -> None:
    with (
        running("target_app.only:downstream", env=services) as a,
        running("target_app.only:downstream", env=services) as b,
    ):
        ask(a, "/downstream/shared-client?wait_ms=0")
        assert receipt(a)["requests"] == 1
        assert receipt(b)["requests"] == 0


def test_a_client_per_request_connects_every_time(port: int) -> None:
    for _ in range(5):
        ask(port, "/downstream/shared-client?wait_ms=0")
    assert receipt(port)["connections"] == 1
    for _ in range(5):
        ask(port, "/downstream/client-per-request?wait_ms=0")
    assert receipt(port)["connections"] == 1 + 5


def test_the_upstream_sees_the_calls_at_once_of_each_style(port: int) -> None:
    """Each style makes more calls than the one before, so that the maximum so far is its own."""
    for style, calls, wait_ms, at_once in (
        ("sequential", 3, 50, 1),
        ("gather-semaphore", 20, 1000, 10),  # the first call must still wait when a busy machine opens the last one
        ("gather", 25, 1000, 25),
        ("task-group", 30, 1000, 30),
    ):
        ask(port, f"/fan-out/{style}?wait_ms={wait_ms}&calls={calls}")
        assert receipt(port)["requests_at_once"] == at_once


def test_a_blocked_loop_calls_one_at_a_time_and_the_others_all_at_once(port: int) -> None:
    for style, users, at_once in (
        ("async-requests", 4, 1),
        ("async-httpx-sync", 4, 1),
        ("def-requests", 5, 5),
        ("def-httpx", 6, 6),
        ("shared-client", 7, 7),
    ):
        ask_all(port, [f"/downstream/{style}?wait_ms=300"] * users)
        assert receipt(port)["requests_at_once"] == at_once


def test_an_invalid_request_to_the_upstream_is_refused(services: dict[str, str]) -> None:
    upstream = int(services["LOOPBENCH_UPSTREAM_URL"].rpartition(":")[2])
    assert [ask(upstream, path)[0] for path in ("/", "/wait/10001", "/wait/x", "/elsewhere")] == [200, 404, 404, 404]
