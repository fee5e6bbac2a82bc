"""Background work: accepted jobs are done, but lost with an unhandled exception or a kill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis

from loopbench.measure.services import started
from loopbench.measure.stop import StopWish
from tests.servers import skip_without_server
from tests.serving import ask
from tests.target_app.running_app import ask_all, eventually, running, running_process

pytestmark = pytest.mark.real

KEPT = ("none", "tasks-async", "tasks-sync", "tasks-blocking", "create-task", "failing-tracked")


def test_everything_accepted_is_done_in_the_end_and_the_largest_backlog_is_remembered() -> None:
    """The first jobs take long enough that the second is accepted before the first is done."""
    with running("target_app.only:background") as port:
        ask_all(port, ["/background/create-task?job_ms=1000"] * 5, "POST")
        last = eventually(lambda: ask(port, "/background/receipt")[2], lambda each: each["idle"])
        assert 1 < last["most_behind"] <= 5
        for before, style in enumerate(KEPT):
            assert ask_all(port, [f"/background/{style}?job_ms=5"] * 20, "POST") == [{"status": "queued"}] * 20
            last = eventually(lambda: ask(port, "/background/receipt")[2], lambda each: each["idle"])
            assert (last["done"], last["backlog"]) == (5 + 20 * before + 20, 0)


def test_the_exception_of_a_job_without_a_caller_loses_the_job() -> None:
    """Two of twenty jobs fail. Each has the same time, so when eighteen are done the two have failed."""
    with running("target_app.only:background") as port:
        for number, style in enumerate(("failing-untracked", "failing-tasks"), 1):
            ask_all(port, [f"/background/{style}?job_ms=1"] * 20, "POST")
            last = eventually(lambda: ask(port, "/background/receipt")[2], lambda each: each["done"] == 18 * number)  # noqa: B023
            assert (last["backlog"], last["idle"]) == (2 * number, False)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    skip_without_server("redis")
    with started(["redis"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


def test_a_backlog_is_visible_while_it_lasts_and_a_kill_loses_it(tmp_path: Path) -> None:
    """Whatever its style: nothing is sent before the kill, and nothing after it."""
    outbox = tmp_path / "outbox"
    env = {"TARGET_APP_OUTBOX": str(outbox)}
    with running_process("target_app.only:background", env=env) as (port, process):
        for style in ("tasks-async", "create-task"):
            assert ask_all(port, [f"/background/{style}?job_ms=60000"] * 10, "POST") == [{"status": "queued"}] * 10
        receipt = ask(port, "/background/receipt")[2]
        assert receipt == {"accepted": 20, "done": 0, "backlog": 20, "most_behind": 20, "idle": False}
        process.kill()
    assert not outbox.exists() or outbox.stat().st_size == 0
    with running("target_app.only:background", env=env) as port:
        assert ask(port, "/background/receipt")[2]["accepted"] == 0  # the promise went with the process


def test_a_kill_in_the_middle_of_a_job_loses_nothing_of_a_queue(redis: dict[str, str]) -> None:
    env = redis | {"TARGET_APP_QUEUE": "survives"}
    with running_process("target_app.only:job_queue", env=env) as (port, process):
        ask(port, "/queue/async?job_ms=0", "POST")
        ask(port, "/queue/async?job_ms=60000", "POST")
        eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["done"] == 1)
        eventually(lambda: begun(redis), lambda jobs: jobs == [b"60000"])
        (worker,) = psutil.Process(process.pid).children()
        worker.kill()
        process.kill()
    with Redis.from_url(redis["LOOPBENCH_REDIS_URL"]) as client:
        client.lset(
            "loopbench:jobs:survives:started", 0, "1"
        )  # the same job, shortened so that the test need not wait a minute
    with running("target_app.only:job_queue", env=env) as port:
        last = eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["idle"])
        assert last == {"accepted": 2, "done": 2, "backlog": 0, "idle": True}


def test_one_worker_does_every_job_of_the_queue_and_is_replaced_when_it_dies(redis: dict[str, str]) -> None:
    """The first requests come at the same time."""
    with running_process("target_app.only:job_queue", env=redis) as (port, process):
        ask_all(port, ["/queue/def?job_ms=0"] * 20, "POST")
        (worker,) = psutil.Process(process.pid).children()
        worker.kill()
        ask(port, "/queue/async?job_ms=0", "POST")
        last = eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["idle"])
        assert last == {"accepted": 21, "done": 21, "backlog": 0, "idle": True}
        for style in ("async", "def", "async-blocking", "rq", "in-the-request"):
            assert ask_all(port, [f"/queue/{style}?job_ms=5"] * 20, "POST") == [{"status": "queued"}] * 20
        last = eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["idle"])
        assert last == {"accepted": 121, "done": 121, "backlog": 0, "idle": True}


def begun(redis: dict[str, str]) -> Any:
    """Return the jobs that a worker has taken and not finished."""
    with Redis.from_url(redis["LOOPBENCH_REDIS_URL"]) as client:
        return client.lrange("loopbench:jobs:survives:started", 0, -1)
