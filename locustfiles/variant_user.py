"""The user of one variant: asks every neighbour and the variant itself in turn, thinks, and asks again."""

import random
from collections.abc import Iterator
from typing import Any, Protocol

from locust import FastHttpUser, HttpUser, task

from loopbench.records.load_order import CLIENT_FAST, CLIENT_HTTP, LoadOrder, OrderedRequest

USER_KEY = "loopbench_user"
"""In a request event's context: the number of the user that asked."""


class UserCount(Protocol):
    """Who is told that users come and go."""

    def user_started(self) -> int:
        """Count a user in; returns the number it keeps."""

    def user_stopped(self, user: int) -> None:
        """Count a user out."""


def variant_user(order: LoadOrder, recorder: UserCount) -> Any:
    """A user class for this order, on the client it asks for."""
    base = {CLIENT_FAST: FastHttpUser, CLIENT_HTTP: HttpUser}.get(order.client, FastHttpUser)
    low_s, high_s = order.think_time_s
    cycle = [request for request in order.requests for _ in range(request.weight)]
    draw = random.Random(order.seed)  # noqa: S311  reproducible on purpose

    class VariantUser(base):  # type: ignore[misc, valid-type]
        """One of N."""

        host = order.url
        network_timeout = max(request.timeout_s for request in order.requests)
        connection_timeout = network_timeout
        default_headers: dict[str, str] = {}  # noqa: RUF012  Locust's own interface

        def __init__(self, environment: Any) -> None:
            super().__init__(environment)
            self.number = -1
            self._turns = _turns(cycle, draw)

        def on_start(self) -> None:
            self.number = recorder.user_started()

        def on_stop(self) -> None:
            recorder.user_stopped(self.number)

        def context(self) -> dict[str, Any]:
            return {USER_KEY: self.number}

        def wait_time(self) -> float:
            return draw.uniform(low_s, high_s)

        @task
        def ask(self) -> None:
            """Send the next request of the cycle and hold its answer against what is expected."""
            self.send(next(self._turns))

        def send(self, request: OrderedRequest) -> None:
            """One request, checked."""
            with self.client.request(
                request.method,
                request.target,
                name=request.name,
                headers=request.headers,
                data=request.body or None,
                catch_response=True,
            ) as response:
                if response.status_code == 0:
                    return  # no answer at all: the client has its own words for that
                problem = request.expect.problem(response.status_code, response.content or b"")
                if problem is None:
                    response.success()
                else:
                    response.failure(problem)

    return VariantUser


def _turns(cycle: list[OrderedRequest], draw: random.Random) -> Iterator[OrderedRequest]:
    """The cycle without end, entered at a random place, so that users do not ask the same thing at once."""
    position = draw.randrange(len(cycle))
    while True:
        yield cycle[position]
        position = (position + 1) % len(cycle)
