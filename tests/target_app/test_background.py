"""Background work: accepted jobs are done, but lost with an unreferenced task or a kill."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis

from loopbench.measure.services import started
from loopbench.measure.stop import StopWish
from target_app.background import Outbox, send_after_reply
from tests.serving import ask
from tests.target_app.running_app import ask_all, eventually, running, running_process

pytestmark = pytest.mark.real

KEPT = ("none", "tasks-async", "tasks-sync", "tasks-blocking", "create-task", "reply-kept")


def test_everything_accepted_is_done_in_the_end() -> None:
    with running("target_app.only:background") as port:
        for before, style in enumerate(KEPT):
            assert ask_all(port, [f"/background/{style}?job_ms=5"] * 20, "POST") == [{"status": "queued"}] * 20
            last = eventually(lambda: ask(port, "/background/receipt")[2], lambda each: each["idle"])
            assert (last["done"], last["backlog"]) == (20 * before + 20, 0)


def test_a_backlog_is_visible_while_it_lasts() -> None:
    with running("target_app.only:background") as port:
        ask_all(port, ["/background/create-task?job_ms=60000"] * 5, "POST")
        receipt = ask(port, "/background/receipt")[2]
        assert receipt == {"accepted": 5, "done": 0, "backlog": 5, "most_behind": 5, "idle": False}


def test_the_largest_backlog_is_remembered_when_it_is_gone() -> None:
    """The jobs take long enough that the second is accepted before the first is done."""
    with running("target_app.only:background") as port:
        ask_all(port, ["/background/create-task?job_ms=1000"] * 5, "POST")
        last = eventually(lambda: ask(port, "/background/receipt")[2], lambda each: each["idle"])
        assert 1 < last["most_behind"] <= 5


def test_a_task_without_a_reference_is_lost_when_the_collector_comes() -> None:
    """Both wait for the same moment; when the kept one is done the forgotten one should have been."""

    async def both() -> int:
        outbox = Outbox()
        asyncio.create_task(send_after_reply(outbox, 1))  # noqa: RUF006  the mistake
        kept = asyncio.create_task(send_after_reply(outbox, 2))
        await asyncio.sleep(0)  # both have begun to wait
        gc.collect()
        await kept
        done = outbox.done
        outbox.close()
        return done

    assert asyncio.run(both()) == 1


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with started(["redis"], tmp_path_factory.mktemp("services"), StopWish(), environ={}) as running_services:
        yield running_services.env


def test_the_worker_does_every_job_of_the_queue(redis: dict[str, str]) -> None:
    with running("target_app.only:job_queue", env=redis) as port:
        for style in ("async", "def", "async-blocking"):
            assert ask_all(port, [f"/queue/{style}?job_ms=5"] * 20, "POST") == [{"status": "queued"}] * 20
        last = eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["idle"])
        assert last == {"accepted": 60, "done": 60, "backlog": 0, "idle": True}


def test_a_kill_loses_background_work_that_was_promised(tmp_path: Path) -> None:
    """Whatever its style: nothing is sent before the kill, and nothing after it."""
    outbox = tmp_path / "outbox"
    env = {"TARGET_APP_OUTBOX": str(outbox)}
    with running_process("target_app.only:background", env=env) as (port, process):
        for style in ("tasks-async", "create-task"):
            assert ask_all(port, [f"/background/{style}?job_ms=60000"] * 10, "POST") == [{"status": "queued"}] * 10
        assert ask(port, "/background/receipt")[2]["backlog"] == 20
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


def test_concurrent_first_requests_start_one_worker_and_a_dead_one_is_replaced(redis: dict[str, str]) -> None:
    with running_process("target_app.only:job_queue", env=redis) as (port, process):
        ask_all(port, ["/queue/def?job_ms=0"] * 20, "POST")
        (worker,) = psutil.Process(process.pid).children()
        worker.kill()
        ask(port, "/queue/async?job_ms=0", "POST")
        last = eventually(lambda: ask(port, "/queue/receipt")[2], lambda each: each["idle"])
        assert last == {"accepted": 21, "done": 21, "backlog": 0, "idle": True}


def begun(redis: dict[str, str]) -> Any:
    """Return the jobs that a worker has taken and not finished."""
    with Redis.from_url(redis["LOOPBENCH_REDIS_URL"]) as client:
        return client.lrange("loopbench:jobs:survives:started", 0, -1)
