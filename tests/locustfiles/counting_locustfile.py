"""A locustfile for `test_llhttp_locust.py`: every user sends fifty requests, half of them each way, then stops."""

from gevent import sleep
from locust import task

from locustfiles.llhttp_user import LlhttpUser

TIMES = 25


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
        sleep(60)  # type: ignore[no-untyped-call]
