"""The user of one variant: asks every neighbour and the variant itself, thinks after each answer, and asks again.

In open mode it does not decide when to ask: it serves the next request that is due (`dispatcher`).

On `LlhttpUser` (the default) every request is recorded here, from the client's own stamps. On FastHttpUser and
HttpUser, which exist for comparison, it is recorded from Locust's request event.
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
"""In a request event's context: the number of the user that asked."""

AFTER_LOAD_S = 0.05
"""How often a user that has nothing more to ask looks whether Locust has stopped it."""

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Planned = tuple[PreparedRequest, int, float | None]
"""What is asked next, its name's index, and how long the user waits for the answer (None: to the end)."""

T = TypeVar("T")


class WrongAnswerError(Exception):
    """An answer that is not what the scenario expects; the text says how."""


def variant_user(order: LoadOrder, recorder: Recorder, ended: Event, dispatcher: Dispatcher | None = None) -> Any:
    """A user class for this order, on the client it asks for; its `ask_once` sends one request outside the load.

    Args:
        order: what to ask.
        recorder: where it goes.
        ended: set when the load is over; wakes whoever thinks.
        dispatcher: open mode: says what is due; None: closed mode. It needs our own client.
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
    """What all users share: they are counted in and out, ask, think, and ask again until the load is over."""

    cycle: "RequestCycle"
    recorder: Recorder
    ended: Event
    dispatcher: Dispatcher | None
    number = -1
    _state: Any

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request and see that it is recorded."""
        raise NotImplementedError

    def on_start(self) -> None:
        """See `Recorder.user_started`."""
        self.number = self.recorder.user_started()

    def on_stop(self) -> None:
        """See `Recorder.user_stopped`."""
        self.recorder.user_stopped(self.number)

    def live(self) -> None:
        """All of a user's life in one task: Locust's own way from task to task costs more than a request.

        The thinking is done here too. Locust kills a user that waits in its `wait`, and when the wait is over at that
        very moment the kill hits the next request: it is sent, and nobody counts it.
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
    """One of N users, recorded from the client's own stamps."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        plan = zip(self.cycle.requests, self.cycle.patience_s, strict=True)
        self._next = self.cycle.shuffled([(*self._prepare(request), patience_s) for request, patience_s in plan])
        if self.cycle.explain:
            self._next = self._some_stamped(self._next)

    def _some_stamped(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """The same requests, one in `stamps.STAMPED_EVERY` asking for the app's stamps."""
        ask = {stamps.ASK_HEADER: "1"}
        asking = dict(self._prepare(request, ask)[::-1] for request in self.cycle.requests)
        for number, (prepared, name, patience_s) in enumerate(planned):
            yield (prepared if number % stamps.STAMPED_EVERY else asking[name]), name, patience_s

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
        """Send the next request, hold its answer against what is expected, record it and, if it was due, how late."""
        prepared, name, patience_s = next(self._next)
        began_s = time.perf_counter()
        leaving = None if patience_s is None else Timeout.start_new(patience_s)
        try:
            status, body, start_s, latency_s, flags, error, head = self.client.send(prepared)
        except Timeout:
            self._record_unanswered(began_s, name, due_s, samples.HUNG_UP, samples.FLAG_HUNG_UP)
            return
        except GreenletExit:
            self._record_unanswered(began_s, name, due_s, samples.UNFINISHED, samples.FLAG_UNFINISHED)
            raise
        finally:
            if leaving is not None:
                leaving.close()
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
        """The client has gone, or the drain is over: what is known is that it took longer than this."""
        waited_s = time.perf_counter() - began_s
        late_s = 0.0 if due_s is None else began_s - due_s
        error, user = self.recorder.error_id(word), max(0, self.number)
        flags = flag | samples.FLAG_WARMUP if self.recorder.warming_up else flag
        self.recorder.record(began_s, waited_s, 0, user, name, 0, error, flags, late_s)


class _EventRecorded(_UserLifecycle):
    """What the users on Locust's own clients share: they are recorded from request events (`locustfiles.generator`)."""

    client: Any

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[call-arg]
        self._next = self.cycle.shuffled(self.cycle.requests)

    def context(self) -> dict[str, Any]:
        """Tells the event's listener who asked."""
        return {USER_KEY: self.number}

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request and hold its answer against what is expected."""
        assert due_s is None, "open mode needs our own client"
        request = next(self._next)
        began_s = time.perf_counter()
        try:
            self._ask(request)
        except GreenletExit:  # no event tells of it
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
                return  # no answer at all: the client has its own words for that
            problem = request.expect.problem(response.status_code, response.content or b"")
            if problem is None:
                response.success()
            else:
                response.failure(problem)


class FastVariantUser(_EventRecorded, FastHttpUser):
    """One of N, on Locust's faster client; for comparison, and for scripts that need it."""

    abstract = True


class HttpVariantUser(_EventRecorded, HttpUser):
    """One of N, on requests; for comparison. At 100 users the client is what is measured."""

    abstract = True


class RequestCycle:
    """Which request comes next, and how long a user thinks: drawn from the order's seed."""

    def __init__(self, order: LoadOrder) -> None:
        self.requests = [request for request in order.requests for _ in range(request.weight)]
        self.patience_s = [
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
        """Evenly between the order's two limits."""
        return self._draw.uniform(*self._think_s)

    def shuffled(self, items: list[T]) -> Iterator[T]:
        """The cycle without end, in an order drawn anew each time round.

        In a fixed order users fall into step: all of them wait for the slow request, then all for the quick one, and
        the number of requests in flight swings between everybody and nobody.
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
    """Under which name a failure is counted."""
    text = str(error)[:120]
    if isinstance(error, WrongAnswerError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
