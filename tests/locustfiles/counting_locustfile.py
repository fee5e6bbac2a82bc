"""A locustfile for `test_llhttp_locust.py`: every user sends fifty requests, half of them each way, and one that fails.

Locust quits when all requests of all users have been counted.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators
from typing import Any

import gevent
from locust import events, task
from locust.env import Environment
from locust.runners import WorkerRunner

from loopbench import LlhttpUser

USERS, TIMES = 4, 25


class CountingUser(LlhttpUser):
    """Sends its requests, then waits to be stopped."""

    @task
    def ask(self) -> None:
        """Send requests both ways, and one that fails."""
        prepared = self.client.prepare("GET", "/echo", name="echo")
        for _ in range(TIMES):
            self.client.send(prepared)
            self.client.get("/plain")
        self.client.get("/status_404")
        gevent.sleep(60)


@events.init.add_listener
def _quit_when_done(environment: Environment, **_: Any) -> None:
    if not isinstance(environment.runner, WorkerRunner):
        gevent.spawn(_wait_and_quit, environment)


def _wait_and_quit(environment: Environment) -> None:
    while environment.stats.total.num_requests < USERS * (2 * TIMES + 1):
        gevent.sleep(0.05)
    assert environment.runner is not None
    environment.runner.quit()
