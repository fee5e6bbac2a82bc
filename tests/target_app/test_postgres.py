"""Every driver answers; the mistakes with a pool deadlock, and the right ways with the same pool do not."""

from collections.abc import Iterator

import pytest

from loopbench.bundled.target_app.postgres import POOL_SIZE
from loopbench.measure.services import started
from loopbench.measure.stop import StopWish
from tests.serving import ask
from tests.target_app.running_app import ask_all, running

pytestmark = pytest.mark.real

STYLES = (
    "def-psycopg",
    "async-psycopg-sync",
    "async-psycopg",
    "asyncpg",
    "def-sqlalchemy",
    "async-sqlalchemy-sync",
    "async-sqlalchemy",
)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with started(["postgres"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


@pytest.fixture(scope="module")
def port(services: dict[str, str]) -> Iterator[int]:
    with running("target_app.only:postgres", env=services) as free:
        yield free


@pytest.fixture
def fresh_port(services: dict[str, str]) -> Iterator[int]:
    """An app whose receipt is still empty, with a pool that is connected: that may take longer than /pool waits."""
    with running("target_app.only:postgres", env=services) as free:
        ask_all(free, ["/postgres/async-psycopg?wait_ms=50"] * POOL_SIZE)
        yield free


@pytest.mark.parametrize("style", STYLES)
def test_every_driver_answers_more_users_than_it_has_connections(port: int, style: str) -> None:
    bodies = ask_all(port, [f"/postgres/{style}?wait_ms=10"] * (POOL_SIZE + 5))
    assert bodies == [{"title": "book 42"}] * (POOL_SIZE + 5)


def test_a_pool_used_with_care_serves_twice_as_many_users_as_it_has_connections(fresh_port: int) -> None:
    for style in ("same-one", "limited"):
        ask_all(fresh_port, [f"/pool/{style}?wait_ms=5"] * 2 * POOL_SIZE)
    assert ask(fresh_port, "/pool/receipt")[2] == {"finished": 4 * POOL_SIZE, "gave_up": 0}


def test_a_request_that_gets_no_turn_gives_up_as_one_that_gets_no_connection(fresh_port: int) -> None:
    """Ten requests take longer than the others wait for a turn."""
    ask_all(fresh_port, ["/pool/limited?wait_ms=5000"] * 2 * POOL_SIZE)
    after = ask(fresh_port, "/pool/receipt")[2]
    assert after["gave_up"] > 0
    assert after["finished"] + after["gave_up"] == 2 * POOL_SIZE


def test_the_pools_have_the_size_that_the_environment_names(services: dict[str, str]) -> None:
    """In a pool of one, a second request gets no connection while the first has it."""
    with running("target_app.only:postgres", env=services | {"TARGET_APP_POOL_SIZE": "1"}) as port:
        ask(port, "/postgres/async-psycopg?wait_ms=0")
        ask_all(port, ["/pool/same-one?wait_ms=5000"] * 2)
        assert ask(port, "/pool/receipt")[2] == {"finished": 1, "gave_up": 1}


def test_taking_a_second_connection_works_alone_and_deadlocks_under_load(fresh_port: int) -> None:
    ask(fresh_port, "/pool/one-more?wait_ms=5")
    assert ask(fresh_port, "/pool/receipt")[2] == {"finished": 1, "gave_up": 0}
    ask_all(fresh_port, ["/pool/one-more?wait_ms=300"] * 2 * POOL_SIZE)  # long enough for all to be there at once
    after = ask(fresh_port, "/pool/receipt")[2]
    assert after["gave_up"] > 0
    assert ask(fresh_port, "/health")[2] == {"status": "ok"}


def test_a_sync_session_from_a_dependency_stands_still_in_async_def(services: dict[str, str]) -> None:
    """Whether it does depends on the order of the requests, so they are sent until it did.

    On asyncio, which accepts all waiting connections at once; uvloop accepts them one by one, and hides it for a while.
    """
    with running("target_app.only:postgres", "--loop", "asyncio", env=services) as port:
        ask(port, "/pool/session-dependency?wait_ms=20")
        assert ask(port, "/pool/receipt")[2] == {"finished": 1, "gave_up": 0}
        for _ in range(20):
            ask_all(port, ["/pool/session-dependency?wait_ms=20"] * (POOL_SIZE + 3))
            if ask(port, "/pool/receipt")[2]["gave_up"]:
                return
    pytest.fail("it never stood still")
