"""The locustfile of a control of the stamp: a client that is the bottleneck itself, however slow the target is."""

from time import thread_time
from typing import Final

from locust import HttpUser, task

WORK_S: Final = 0.01  # far above what the target needs for `/hello`, also where it has little of its core


class Hello(HttpUser):
    """Requests as fast as it can, and computes between them."""

    @task
    def hello(self) -> None:
        """Request what costs nothing, and use the generator's processor."""
        self.client.get("/hello")
        until_s = thread_time() + WORK_S
        while thread_time() < until_s:
            pass
