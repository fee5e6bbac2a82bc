"""Runs the same tasks on Locust's `User` and on `LlhttpUser`, and prints for each case what happened under ten seeds.

Every function of `CASES` takes the base class and returns a user class whose tasks write to its `trace`.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators, allow-subclassing-any
# ruff: noqa: S311  random as tasks are
import contextlib
import json
import logging
import random
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import gevent
from gevent.pool import Group
from locust import SequentialTaskSet, TaskSet, User, between, constant, tag, task
from locust.env import Environment
from locust.exception import RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.user.task import filter_tasks_by_tags

from loopbench import LlhttpUser
from loopbench.llhttp.tasks import QuickTaskSet

SEEDS = range(10)
TASKS = 60


class Traced:
    """Writes down what happens to a user, and stops it after `TASKS` tasks."""

    host = "http://127.0.0.1:1"
    trace: ClassVar[list[Any]] = []

    def note(self, word: str) -> None:
        """Add a word; let others run after some words, as a request would."""
        self.trace.append(word)
        if len(self.trace) % 3:
            gevent.sleep(1e-6)
        if len(self.trace) >= TASKS:
            raise StopUser

    def on_start(self) -> None:
        """See Locust."""
        self.trace.append("start")

    def on_stop(self) -> None:
        """See Locust."""
        self.trace.append(f"stop {self._state}")  # type: ignore[attr-defined]


def one(base: Any) -> Any:
    class One(Traced, base):
        @task
        def only(self) -> None:
            self.note(f"only {random.random()}")

    return One


def weighted(base: Any, wait: Any = None) -> Any:
    class Weighted(Traced, base):
        wait_time = wait or constant(0)

        @task(5)
        def often(self) -> None:
            self.note("often")

        @task(1)
        @tag("rare")
        def rarely(self) -> None:
            self.note("rarely")

        @task(2)
        @tag("rare")
        def between(self) -> None:
            self.note("between")

    return Weighted


def random_wait(base: Any) -> Any:
    """The wait draws from the same generator as the choice of tasks."""
    return weighted(base, between(0, 0.001))


def sometimes_no_wait(base: Any) -> Any:
    return weighted(base, lambda _: random.choice((0, 0, 0.0001)))


def tagged(base: Any) -> Any:
    kind = weighted(base)
    filter_tasks_by_tags(kind, {"rare"})
    return kind


def stopped(base: Any) -> Any:
    class Stopped(weighted(base)):  # type: ignore[misc]
        @task
        def stop_soon(self) -> None:
            self.note("stop soon")
            self.stop()
            self.note("still in the task")

    return Stopped


def failing(base: Any) -> Any:
    class Failing(weighted(base)):  # type: ignore[misc]
        @task
        def fail(self) -> None:
            self.note("fail")
            raise ValueError("expected")

    return Failing


def rescheduled(base: Any) -> Any:
    class Rescheduled(weighted(base)):  # type: ignore[misc]
        @task
        def later(self) -> None:
            self.note("later")
            raise RescheduleTask

        @task
        def at_once(self) -> None:
            self.note("at once")
            raise RescheduleTaskImmediately

        @task
        def plan(self) -> None:
            self.note("plan")
            for first in (False, True):
                self._taskset_instance.schedule_task(type(self).often, first=first)
            self.wait()

    return Rescheduled


def nested(base: Any) -> Any:
    class Steps(SequentialTaskSet):
        user: Any

        def on_start(self) -> None:
            self.user.note("begin steps")

        def on_stop(self) -> None:
            self.user.trace.append("end steps")

        @task
        def first(self) -> None:
            self.user.note("first")

        @task
        def second(self) -> None:
            self.user.note("second")
            self.interrupt(reschedule=random.random() < 0.5)

    class Choices(TaskSet):
        user: Any
        tasks = [Steps]  # noqa: RUF012  as Locust declares it

        @task(3)
        def leave(self) -> None:
            self.user.note("leave")
            self.interrupt()

    class Nested(weighted(base)):  # type: ignore[misc]
        tasks = [Steps, Choices]  # noqa: RUF012

    return Nested


def no_tasks(base: Any) -> Any:
    class Idle(Traced, base):
        wait_time = constant(10)

        def on_start(self) -> None:
            super().on_start()
            gevent.spawn_later(0.01, self.stop)

    return Idle


CASES: list[Callable[[Any], Any]] = [
    one,
    weighted,
    random_wait,
    sometimes_no_wait,
    tagged,
    stopped,
    failing,
    rescheduled,
    nested,
    no_tasks,
]


def trace_of(kind: Any, seed: int) -> list[Any]:
    """Run one user to its end and return what it wrote, errors included, and the state of the random generator."""
    environment = Environment(user_classes=[kind])
    environment.create_local_runner()
    kind.trace = []
    environment.events.user_error.add_listener(lambda exception, **_: kind.trace.append(repr(exception)))
    random.seed(seed)
    group = Group()
    kind(environment).start(group)
    group.join()
    return [*kind.trace, random.random()]


def sleeps(*, waits: bool) -> int:
    """Count the sleeps between 100 tasks that wait for something, or do not."""
    found: list[float] = []

    class Counted(LlhttpUser):
        host = "http://127.0.0.1:1"
        left = 100

        @task
        def run_once(self) -> None:
            if waits:
                gevent.sleep(1e-6)
            self.left -= 1
            if self.left == 0:
                raise StopUser

    def sleep(seconds: float) -> None:
        found.append(seconds)
        gevent.sleep(seconds)

    user = Counted(Environment(user_classes=[Counted]))
    user._state = "running"
    tasks = QuickTaskSet(user)
    tasks._sleep = sleep  # type: ignore[method-assign]
    with contextlib.suppress(StopUser):
        tasks.run()
    return len(found)


if __name__ == "__main__":
    logging.disable()
    results: dict[str, Any] = {"sleeps": [sleeps(waits=True), sleeps(waits=False)]}
    for case in CASES:
        pairs = [(trace_of(case(User), seed), trace_of(case(LlhttpUser), seed)) for seed in SEEDS]
        results[case.__name__] = pairs
    sys.stdout.write(json.dumps(results))
