"""The user of one variant: asks every neighbour and the variant itself, thinks after each answer, and asks again.

On `LlhttpUser` (the default) every request is recorded here, from the client's own stamps. On FastHttpUser and
HttpUser, which exist for comparison, it is recorded from Locust's request event.
"""

import random
import time
from collections.abc import Iterator
from typing import Any, TypeVar

from gevent import GreenletExit
from gevent.event import Event
from locust import FastHttpUser, HttpUser, task
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING
from locust.user.users import UserMeta

from locustfiles.llhttp_user import LlhttpUser, PreparedRequest
from locustfiles.recorder import Recorder
from loopbench.records import samples
from loopbench.records.load_order import CLIENT_FAST, CLIENT_LLHTTP, LoadOrder, OrderedRequest

USER_KEY = "loopbench_user"
"""In a request event's context: the number of the user that asked."""

T = TypeVar("T")


class WrongAnswerError(Exception):
    """An answer that is not what the scenario expects; the text says how."""


def variant_user(order: LoadOrder, recorder: Recorder, ended: Event) -> Any:
    """A user class for this order, on the client it asks for; its `ask_once` sends one request outside the load.

    Args:
        order: what to ask.
        recorder: where it goes.
        ended: set when the load is over; wakes whoever thinks.
    """
    base = {CLIENT_LLHTTP: LlhttpVariantUser, CLIENT_FAST: FastVariantUser}.get(order.client, HttpVariantUser)
    turns = Turns(order)
    settings = {
        "host": order.url,
        "network_timeout": turns.longest_timeout_s,
        "connection_timeout": turns.longest_timeout_s,
        "turns": turns,
        "recorder": recorder,
        "ended": ended,
    }
    return UserMeta("VariantUser", (base,), settings)


class LlhttpVariantUser(LlhttpUser):
    """One of N users, recorded from the client's own stamps."""

    abstract = True
    turns: "Turns"
    recorder: Recorder
    ended: Event

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.number = -1
        self._cycle = self.turns.of_one_user([self._prepare(request) for request in self.turns.cycle])

    def _prepare(self, request: OrderedRequest) -> tuple[PreparedRequest, int]:
        prepared = self.client.prepare(
            request.method,
            request.target,
            name=request.name,
            headers=request.headers,
            data=request.body or None,
            check=_checker(request),
        )
        return prepared, self.recorder.name_id(request.name)

    def on_start(self) -> None:
        """See `Recorder.user_started`."""
        self.number = self.recorder.user_started()

    def on_stop(self) -> None:
        """See `Recorder.user_stopped`."""
        self.recorder.user_stopped(self.number)

    @task
    def ask_and_think(self) -> None:
        """All of a user's life in one task: Locust's own way from task to task costs more than a request.

        The thinking is done here too. Locust kills a user that waits in its `wait`, and when the wait is over at that
        very moment the kill hits the next request: it is sent, and nobody counts it.
        """
        thinks = self.turns.thinks
        while self._state == LOCUST_STATE_RUNNING and not self.ended.is_set():
            self.ask_once()
            if thinks:
                self.ended.wait(self.turns.think_time_s())

    def ask_once(self) -> None:
        """Send the next request, hold its answer against what is expected, record it."""
        prepared, name = next(self._cycle)
        began_s = time.perf_counter()
        try:
            status, body, start_s, latency_s, flags, error = self.client.send(prepared)
        except GreenletExit:
            self._record_unfinished(began_s, name)
            raise
        error_id = samples.NO_ERROR if error is None else self.recorder.error_id(error_class(error))
        if self.recorder.warming_up:
            flags |= samples.FLAG_WARMUP
        self.recorder.record(start_s, latency_s, len(body), max(0, self.number), name, status, error_id, flags)

    def _record_unfinished(self, began_s: float, name: int) -> None:
        """The drain is over and there is still no answer: what is known is that it took longer than this."""
        waited_s = time.perf_counter() - began_s
        error = self.recorder.error_id(samples.UNFINISHED)
        self.recorder.record(began_s, waited_s, 0, max(0, self.number), name, 0, error, samples.FLAG_UNFINISHED)


class _EventRecorded:
    """What the users on Locust's own clients share: they are recorded from request events (`locustfiles.bench`)."""

    turns: "Turns"
    recorder: Recorder
    client: Any

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[call-arg]
        self.number = -1
        self._cycle = self.turns.of_one_user(self.turns.cycle)

    def on_start(self) -> None:
        """See `Recorder.user_started`."""
        self.number = self.recorder.user_started()

    def on_stop(self) -> None:
        """See `Recorder.user_stopped`."""
        self.recorder.user_stopped(self.number)

    def context(self) -> dict[str, Any]:
        """Tells the event's listener who asked."""
        return {USER_KEY: self.number}

    def wait_time(self) -> float:
        """Locust waits this long between two tasks."""
        return self.turns.think_time_s()

    def ask_once(self) -> None:
        """Send the next request and hold its answer against what is expected."""
        request = next(self._cycle)
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

    tasks: list[Any] = [ask_once]  # noqa: RUF012  as Locust declares it


class FastVariantUser(_EventRecorded, FastHttpUser):
    """One of N, on Locust's faster client; for comparison, and for scripts that need it."""

    abstract = True


class HttpVariantUser(_EventRecorded, HttpUser):
    """One of N, on requests; for comparison. At 100 users the client is what is measured."""

    abstract = True


class Turns:
    """Which request comes next, and how long a user thinks: drawn from the order's seed."""

    def __init__(self, order: LoadOrder) -> None:
        self.cycle = [request for request in order.requests for _ in range(request.weight)]
        self.longest_timeout_s = max(request.timeout_s for request in order.requests)
        self.thinks = order.think_time_s[1] > 0
        self._think_s = order.think_time_s
        self._draw = random.Random(order.seed)  # noqa: S311  reproducible on purpose

    def think_time_s(self) -> float:
        """Evenly between the order's two limits."""
        return self._draw.uniform(*self._think_s)

    def of_one_user(self, cycle: list[T]) -> Iterator[T]:
        """The cycle without end, in an order drawn anew each time round.

        In a fixed order users fall into step: all of them wait for the slow request, then all for the quick one, and
        the number of requests in flight swings between everybody and nobody.
        """
        own = cycle.copy()
        while True:
            self._draw.shuffle(own)
            yield from own


def _checker(request: OrderedRequest) -> Any:
    def check(status: int, body: bytes) -> WrongAnswerError | None:
        problem = request.expect.problem(status, body)
        return None if problem is None else WrongAnswerError(problem)

    return check


def error_class(error: Exception) -> str:
    """Under which name a failure is counted."""
    text = str(error)[:120]
    if isinstance(error, WrongAnswerError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
