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
FAN_OUTS = ("sequential", "gather", "gather-semaphore", "queue", "gather-pool-of-ten", "task-group")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with started(["upstream"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


@pytest.fixture(scope="module")
def port(services: dict[str, str]) -> Iterator[int]:
    """An app with its own counters in the upstream. No test needs them to begin at zero."""
    with running("target_app.only:downstream", env=services) as free:
        yield free


def receipt(port: int) -> dict[str, int]:
    status, _, body = ask(port, "/downstream/receipt")
    assert status == 200
    values: dict[str, int] = body
    return values


def test_every_style_waits_for_the_upstream(port: int) -> None:
    before = receipt(port)["requests"]
    for style in ONE_CALL:
        assert ask(port, f"/downstream/{style}?wait_ms=7")[2] == {"answers": 1, "waited_ms": 7}
    for style in FAN_OUTS:
        assert ask(port, f"/fan-out/{style}?wait_ms=3&calls=4")[2] == {"answers": 4, "waited_ms": 12}
    assert receipt(port)["requests"] == before + len(ONE_CALL) + 4 * len(FAN_OUTS)
    assert receipt(port)["requests_now"] == 0


def test_a_client_per_request_connects_every_time_and_one_app_does_not_see_another(
    port: int, services: dict[str, str]
) -> None:
    before = receipt(port)
    with running("target_app.only:downstream", env=services) as fresh:
        for _ in range(5):
            ask(fresh, "/downstream/shared-client?wait_ms=0")
        assert receipt(fresh)["connections"] == 1
        for _ in range(5):
            ask(fresh, "/downstream/client-per-request?wait_ms=0")
        assert receipt(fresh)["connections"] == 1 + 5
        assert receipt(fresh)["requests"] == 10
    after = receipt(port)
    assert all(after[count] == before[count] for count in ("requests", "connections"))


def test_the_upstream_saw_as_many_calls_at_once_as_the_style_lets_go(services: dict[str, str]) -> None:
    """Each style has more to ask than the one before, so that the most so far is its own.

    A blocked loop asks one at a time, the others all at once.
    """
    with running("target_app.only:downstream", env=services) as fresh:
        for path, users, at_once in (
            ("/fan-out/sequential?calls=3", 1, 1),
            ("/downstream/async-requests?", 4, 1),
            ("/downstream/async-httpx-sync?", 4, 1),
            ("/downstream/def-requests?", 5, 5),
            ("/downstream/def-httpx?", 6, 6),
            ("/downstream/shared-client?", 7, 7),
            ("/fan-out/gather-semaphore?calls=20", 1, 10),
            ("/fan-out/queue?calls=20", 2, 10),
            ("/fan-out/gather-pool-of-ten?calls=20", 2, 10),
            ("/fan-out/gather?calls=25", 1, 25),
            ("/fan-out/task-group?calls=30", 1, 30),
        ):
            check_at_once(fresh, path, users, at_once)


def check_at_once(port: int, path: str, users: int, at_once: int) -> None:
    """Ask, and ask again with a longer wait if a busy machine was too slow to have all requests under way at once."""
    for wait_ms in (300, 3_000):
        ask_all(port, [f"{path}&wait_ms={wait_ms}"] * users)
        if receipt(port)["requests_at_once"] >= at_once:
            break
    assert receipt(port)["requests_at_once"] == at_once


def test_an_invalid_request_to_the_upstream_is_refused(services: dict[str, str]) -> None:
    upstream = int(services["LOOPBENCH_UPSTREAM_URL"].rpartition(":")[2])
    assert [ask(upstream, path)[0] for path in ("/", "/wait/10001", "/wait/x", "/elsewhere")] == [200, 404, 404, 404]
