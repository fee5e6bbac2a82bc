"""The user of one variant. It requests every neighbour and the variant itself, thinks after each answer, and repeats.

In open mode the schedule decides when to send: the user takes the next request that is due (`dispatcher`).

With `LlhttpUser` (the default) requests are recorded here, from the client's own stamps. With FastHttpUser and
HttpUser, which exist for comparison, they are recorded from Locust's request event.
"""

import random
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import gevent
from gevent import GreenletExit, Timeout
from gevent.event import Event
from locust import FastHttpUser, HttpUser
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING
from locust.user.users import UserMeta

from locustfiles.dispatcher import Dispatcher
from locustfiles.llhttp_user import LlhttpUser, PreparedRequest
from locustfiles.recorder import Recorder
from loopbench.records import samples, stamps
from loopbench.records.load_order import CLIENT_FAST, CLIENT_LLHTTP, LoadOrder, OrderedRequest

USER_KEY = "loopbench_user"
"""Key in a request event's context: the number of the user that sent the request."""

AFTER_LOAD_S = 0.05
"""Interval at which a user without further requests checks whether Locust has stopped it."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Planned = tuple[PreparedRequest, int, float | None]
"""A request, the index of its name, and how long the user waits for the answer (None: until it comes)."""

T = TypeVar("T")


class WrongAnswerError(Exception):
    """An answer that is not what the scenario expects; the text describes the difference."""


def variant_user(order: LoadOrder, recorder: Recorder, ended: Event, dispatcher: Dispatcher | None = None) -> Any:
    """Create the user class for this order, with the client it names. `ask_once` also works outside the load.

    Args:
        order: the load.
        recorder: receives every request.
        ended: set when the load is over; wakes users that think.
        dispatcher: supplies due requests (open mode, with our own client only); None: closed mode.
    """
    base = {CLIENT_LLHTTP: LlhttpVariantUser, CLIENT_FAST: FastVariantUser}.get(order.client, HttpVariantUser)
    cycle = RequestCycle(order)
    settings = {
        "host": order.url,
        "network_timeout": cycle.max_timeout_s,
        "connection_timeout": cycle.max_timeout_s,
        "cycle": cycle,
        "recorder": recorder,
        "ended": ended,
        "dispatcher": dispatcher,
    }
    return UserMeta("VariantUser", (base,), settings)


class _UserLifecycle:
    """The lifecycle of every user: start, then send requests and think until the load is over, then stop."""

    cycle: "RequestCycle"
    recorder: Recorder
    ended: Event
    dispatcher: Dispatcher | None
    number = -1
    _state: Any

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request and have it recorded."""
        raise NotImplementedError

    def on_start(self) -> None:
        """See `Recorder.user_started`."""
        self.number = self.recorder.user_started()

    def on_stop(self) -> None:
        """See `Recorder.user_stopped`."""
        self.recorder.user_stopped(self.number)

    def live(self) -> None:
        """Run the whole lifecycle as one task, because Locust's way from task to task costs more than a request.

        The user also thinks here. Locust kills a user that waits in its own `wait`; if the wait ends at that moment,
        the kill hits the next request, which is then sent but never counted.
        """
        if self.dispatcher is None:
            self._ask_and_think()
        else:
            self._serve(self.dispatcher)
        while self._state == LOCUST_STATE_RUNNING:
            gevent.sleep(AFTER_LOAD_S)

    def _ask_and_think(self) -> None:
        thinks = self.cycle.thinks
        while self._state == LOCUST_STATE_RUNNING and not self.ended.is_set():
            self.ask_once()
            if thinks:
                self.ended.wait(self.cycle.think_time_s())

    def _serve(self, dispatcher: Dispatcher) -> None:
        while (due_s := dispatcher.next_due_s()) is not None:
            self.ask_once(due_s)

    tasks: list[Any] = [live]  # noqa: RUF012  as Locust declares it


class LlhttpVariantUser(_UserLifecycle, LlhttpUser):
    """A user on our own client, recorded from the client's stamps."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        plan = zip(self.cycle.requests, self.cycle.hang_up_after_s, strict=True)
        self._next = self.cycle.shuffled(
            [(*self._prepare(request), hang_up_after_s) for request, hang_up_after_s in plan]
        )
        if self.cycle.explain:
            self._next = self._some_stamped(self._next)

    def _some_stamped(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """Yield the same requests, with one in `stamps.STAMPED_EVERY` asking for the app's stamps."""
        ask = {stamps.ASK_HEADER: "1"}
        asking = dict(self._prepare(request, ask)[::-1] for request in self.cycle.requests)
        for number, (prepared, name, hang_up_after_s) in enumerate(planned):
            yield (prepared if number % stamps.STAMPED_EVERY else asking[name]), name, hang_up_after_s

    def _prepare(self, request: OrderedRequest, more: Mapping[str, str] = NO_HEADERS) -> tuple[PreparedRequest, int]:
        prepared = self.client.prepare(
            request.method,
            request.target,
            name=request.name,
            headers={**request.headers, **more},
            data=request.body or None,
            check=_checker(request),
        )
        return prepared, self.recorder.name_id(request.name)

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request, check its answer and record it with its lateness (open mode)."""
        prepared, name, hang_up_after_s = next(self._next)
        began_s = time.perf_counter()
        hang_up_timer = None if hang_up_after_s is None else Timeout.start_new(hang_up_after_s)
        try:
            status, body, start_s, latency_s, flags, error, head = self.client.send(prepared)
        except Timeout:
            self._record_unanswered(began_s, name, due_s, samples.HUNG_UP, samples.FLAG_HUNG_UP)
            return
        except GreenletExit:
            self._record_unanswered(began_s, name, due_s, samples.UNFINISHED, samples.FLAG_UNFINISHED)
            raise
        finally:
            if hang_up_timer is not None:
                hang_up_timer.close()
        error_id = samples.NO_ERROR if error is None else self.recorder.error_id(error_class(error))
        if self.recorder.warming_up:
            flags |= samples.FLAG_WARMUP
        late_s = 0.0 if due_s is None else start_s - due_s
        before_app_s, in_app_s = (
            stamps.read_stamps(head, start_s, latency_s) if self.cycle.explain else stamps.UNSTAMPED
        )
        self.recorder.record(
            start_s,
            latency_s,
            len(body),
            max(0, self.number),
            name,
            status,
            error_id,
            flags,
            late_s,
            before_app_s,
            in_app_s,
        )

    def _record_unanswered(self, began_s: float, name: int, due_s: float | None, word: str, flag: int) -> None:
        """Record a request that hung up or was cut by the end of the drain; its latency is a lower bound."""
        waited_s = time.perf_counter() - began_s
        late_s = 0.0 if due_s is None else began_s - due_s
        error, user = self.recorder.error_id(word), max(0, self.number)
        flags = flag | samples.FLAG_WARMUP if self.recorder.warming_up else flag
        self.recorder.record(began_s, waited_s, 0, user, name, 0, error, flags, late_s)


class _EventRecorded(_UserLifecycle):
    """A user on one of Locust's own clients, recorded from request events (`locustfiles.generator`)."""

    client: Any

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[call-arg]
        self._next = self.cycle.shuffled(self.cycle.requests)

    def context(self) -> dict[str, Any]:
        """Return the context that gives the event's listener the number of this user."""
        return {USER_KEY: self.number}

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request and check its answer."""
        assert due_s is None, "open mode needs our own client"
        request = next(self._next)
        began_s = time.perf_counter()
        try:
            self._ask(request)
        except GreenletExit:  # Locust fires no event for it
            waited_s, name = time.perf_counter() - began_s, self.recorder.name_id(request.name)
            error, user = self.recorder.error_id(samples.UNFINISHED), max(0, self.number)
            self.recorder.record(began_s, waited_s, 0, user, name, 0, error, samples.FLAG_UNFINISHED)
            raise

    def _ask(self, request: OrderedRequest) -> None:
        with self.client.request(
            request.method,
            request.target,
            name=request.name,
            headers=request.headers,
            data=request.body or None,
            catch_response=True,
        ) as response:
            if response.status_code == 0:
                return  # no answer: the client reports the error itself
            problem = request.expect.problem(response.status_code, response.content or b"")
            if problem is None:
                response.success()
            else:
                response.failure(problem)


class FastVariantUser(_EventRecorded, FastHttpUser):
    """A user on Locust's faster client, for comparison and for scripts that need it."""

    abstract = True


class HttpVariantUser(_EventRecorded, HttpUser):
    """A user on `requests`, for comparison. At 100 users this client is the bottleneck."""

    abstract = True


class RequestCycle:
    """The order of requests and the think times, drawn from the order's seed."""

    def __init__(self, order: LoadOrder) -> None:
        self.requests = [request for request in order.requests for _ in range(request.weight)]
        self.hang_up_after_s = [
            request.hang_up_after_s if turn < request.hang_up_turns else None
            for request in order.requests
            for turn in range(request.weight)
        ]
        self.max_timeout_s = max(request.timeout_s for request in order.requests)
        self.explain = order.explain
        self.thinks = order.think_time_s[1] > 0
        self._think_s = order.think_time_s
        self._draw = random.Random(order.own_seed)  # noqa: S311  reproducible on purpose

    def think_time_s(self) -> float:
        """Draw a think time, uniform between the order's two limits."""
        return self._draw.uniform(*self._think_s)

    def shuffled(self, items: list[T]) -> Iterator[T]:
        """Yield the items for ever, shuffled anew in each round.

        In a fixed order users synchronise: all wait for the slow request, then all for the quick one, and the number of
        requests in flight swings between all users and none.
        """
        own = items.copy()
        while True:
            self._draw.shuffle(own)
            yield from own


def _checker(request: OrderedRequest) -> Any:
    def check(status: int, body: bytes) -> WrongAnswerError | None:
        problem = request.expect.problem(status, body)
        return None if problem is None else WrongAnswerError(problem)

    return check


def error_class(error: Exception) -> str:
    """Return the name under which a failure is counted."""
    text = str(error)[:120]
    if isinstance(error, WrongAnswerError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
