"""Messages are handled by the requested consumer, and the blocking one stops the web requests."""

from collections.abc import Iterator

import pytest

from loopbench.measure.services import started
from loopbench.measure.stop import StopWish
from tests.servers import skip_without_server
from tests.serving import ask
from tests.target_app.running_app import ask_all, eventually, running

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    skip_without_server("redis")
    with started(["redis"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    skip_without_server("pubsub")
    with started(["pubsub"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


def test_every_redis_message_is_handled_by_one_consumer(redis: dict[str, str]) -> None:
    with running("target_app.only:messages_redis", env=redis) as port:
        for before, style in enumerate(("thread", "loop", "loop-blocking")):
            answers = ask_all(port, [f"/messages/redis/{style}?handle_ms=5"] * 20, "POST")
            assert answers == [{"consumers": 1}] * 20
            last = eventually(lambda: ask(port, "/messages/redis/receipt")[2], lambda each: each["idle"])
            assert (last["handled"], last["backlog"]) == (20 * before + 20, 0)


@pytest.mark.parametrize(("style", "on_loop"), [("threads", 0), ("loop", 10), ("loop-blocking", 10)])
def test_the_ten_messages_of_003_are_all_handled_where_the_style_says(
    pubsub: dict[str, str], style: str, on_loop: int
) -> None:
    with running("target_app.only:messages_pubsub", env=pubsub) as port:
        path = f"/messages/pubsub/{style}?block_ms=20&every_ms=60000"
        assert ask_all(port, [path] * 5) == [{"message": "Hello World"}] * 5
        handled = eventually(lambda: ask(port, "/messages/pubsub/receipt")[2], lambda each: each["idle"])
        assert (handled["published"], handled["handled"], handled["blocking_handled"]) == (10, 10, 5)
        assert (handled["handled_on_loop"], handled["backlog"]) == (on_loop, 0)


def test_without_messages_the_receipt_is_idle(pubsub: dict[str, str]) -> None:
    with running("target_app.only:messages_pubsub", env=pubsub) as port:
        assert ask(port, "/messages/pubsub/none")[2] == {"message": "Hello World"}
        assert ask(port, "/messages/pubsub/receipt")[2]["idle"] is True
