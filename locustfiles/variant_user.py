"""The user of one variant. It requests every neighbour and the variant itself, thinks after each answer, and repeats.

In open mode the schedule decides when to send: the user takes the next request that is due (`dispatcher`).

Requests are recorded here, from the client's own stamps.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import gevent
from gevent import GreenletExit, Timeout
from gevent.event import Event
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING
from locust.user.users import UserMeta

from loopbench.llhttp.user import Exchange, LlhttpUser, PreparedRequest
from loopbench.locustfiles.dispatcher import Dispatcher
from loopbench.locustfiles.recorder import Recorder
from loopbench.records import samples, stamps
from loopbench.records.load_spec import LoadSpec, note_captured
from loopbench.scenario import Request
from loopbench.scenario.data import UserValues
from loopbench.scenario.requests import Before, PlainRequest

AFTER_LOAD_S = 0.05  # interval at which a user without further requests checks whether Locust has stopped it

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Planned = tuple[PreparedRequest | Callable[[], PreparedRequest], int, float | None]
"""A request, the index of its name, and how long the user waits for the answer (None: until it comes).

A request with placeholders is a function, which prepares it anew each time.
"""

T = TypeVar("T")


class WrongAnswerError(Exception):
    """An answer that is not what the scenario expects; the text describes the difference."""


def variant_user(spec: LoadSpec, recorder: Recorder, ended: Event, dispatcher: Dispatcher | None = None) -> Any:
    """Create the user class for this load, with the client it names. `ask_once` also works outside the load."""
    cycle = RequestCycle(spec)
    settings = {
        "host": spec.url,
        "network_timeout": cycle.max_timeout_s,
        "connection_timeout": cycle.max_timeout_s,
        "insecure": False,  # a scenario's headers may hold a token, and the harness has checked the certificate too
        "cycle": cycle,
        "recorder": recorder,
        "ended": ended,
        "dispatcher": dispatcher,
    }
    return UserMeta("VariantUser", (VariantUser,), settings)


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
            self.ask_and_think()
        else:
            self._serve(self.dispatcher)
        while self._state == LOCUST_STATE_RUNNING:
            gevent.sleep(AFTER_LOAD_S)

    def begin(self) -> None:
        """Start a user that Locust does not run."""
        self._state = LOCUST_STATE_RUNNING
        self.on_start()

    def ask_and_think(self) -> None:
        """Send requests and think until the load, or this slice of it, is over."""
        thinks = self.cycle.thinks
        while self._state == LOCUST_STATE_RUNNING and not self.ended.is_set():
            self.ask_once()
            if thinks:
                self.ended.wait(self.cycle.draw_think_s())

    def _serve(self, dispatcher: Dispatcher) -> None:
        while (due_s := dispatcher.next_due_s()) is not None:
            self.ask_once(due_s)

    tasks: list[Any] = [live]  # noqa: RUF012  as Locust declares it


class VariantUser(_UserLifecycle, LlhttpUser):
    """A user on our own client, recorded from the client's stamps."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._values = UserValues(self.cycle.known, self.cycle.draw)
        self._before = self.cycle.before.copy()
        plan = zip(self.cycle.requests, self.cycle.hang_up_after_s, strict=True)
        self._next = self.cycle.shuffled(
            [(*self._prepare(request), hang_up_after_s) for request, hang_up_after_s in plan]
        )
        if self.cycle.explain:
            self._next = self._some_stamped(self._next)
        if any(request.placeholders for request in self.cycle.requests):
            self._next = self._rendered(self._next)

    def _some_stamped(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """Yield the same requests, with one in `stamps.STAMPED_EVERY` asking for the app's stamps."""
        ask = {stamps.ASK_HEADER: "1"}
        asking = dict(self._prepare(request, ask)[::-1] for request in self.cycle.requests)
        for number, (prepared, name, hang_up_after_s) in enumerate(planned):
            yield (prepared if number % stamps.STAMPED_EVERY else asking[name]), name, hang_up_after_s

    def _rendered(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        for request, name, hang_up_after_s in planned:
            yield (request() if callable(request) else request), name, hang_up_after_s

    def _prepare(self, request: Request, more: Mapping[str, str] = NO_HEADERS) -> tuple[Any, int]:
        names = request.placeholders
        prepare = partial(self._fill_and_encode, request, names, more) if names else self._encode(request, more)
        return prepare, self.recorder.name_id(request.name)

    def _fill_and_encode(
        self, request: PlainRequest, names: AbstractSet[str], more: Mapping[str, str]
    ) -> PreparedRequest:
        return self._encode(self._values.filled(request, names), more)

    def _encode(self, request: PlainRequest, more: Mapping[str, str] = NO_HEADERS) -> PreparedRequest:
        return self.client.prepare(
            request.method,
            request.request_target,
            name=request.name,
            headers={**request.sent_headers, **more},
            data=request.sent_body or None,
            check=_checker(request),
        )

    def ask_once(self, due_s: float | None = None) -> None:
        """Send the next request, check its answer and record it with its lateness (open mode)."""
        if self._before:
            self._ask_before(self._before[0], due_s)
        else:
            self._exchange(*next(self._next), due_s)

    def log_in(self) -> None:
        """Send the requests that precede all others, each once. One that fails is sent again later."""
        for _ in range(len(self._before)):
            self.ask_once()

    def _ask_before(self, before: Before, due_s: float | None) -> None:
        """Send the next of the requests that precede all others, until its answer is good."""
        prepared = self._encode(self._values.filled_and_kept(before))
        answer = self._exchange(prepared, self.recorder.name_id(before.name), None, due_s)
        if answer is None or answer.error is not None:  # of a failed login nothing is used, so nothing is captured
            return
        captured = before.captured(header_lines(answer.head), answer.body)
        if captured.keys() == before.capture.keys():
            note_captured(captured.values())
            self._values.known |= captured
            self._before.pop(0)

    def _exchange(
        self, prepared: Any, name: int, hang_up_after_s: float | None, due_s: float | None
    ) -> Exchange | None:
        """Send a request and record it. Return its answer, or None if the user disconnected."""
        began_s = time.perf_counter()
        hang_up_timer = None if hang_up_after_s is None else Timeout.start_new(hang_up_after_s)
        try:
            exchange = self.client.send(prepared)
        except Timeout:
            self._record_unanswered(began_s, name, due_s, samples.HUNG_UP, samples.FLAG_HUNG_UP)
            return None
        except GreenletExit:
            self._record_unanswered(began_s, name, due_s, samples.UNFINISHED, samples.FLAG_UNFINISHED)
            raise
        finally:
            if hang_up_timer is not None:
                hang_up_timer.close()
        status, body, start_s, latency_s, flags, error, head = exchange
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
        return exchange

    def _record_unanswered(self, began_s: float, name: int, due_s: float | None, word: str, flag: int) -> None:
        """Record a request that hung up or was cut by the end of the drain; its latency is a lower bound."""
        waited_s = time.perf_counter() - began_s
        late_s = 0.0 if due_s is None else began_s - due_s
        error, user = self.recorder.error_id(word), max(0, self.number)
        flags = flag | samples.FLAG_WARMUP if self.recorder.warming_up else flag
        self.recorder.record(began_s, waited_s, 0, user, name, 0, error, flags, late_s)


class RequestCycle:
    """The order of requests and the think times, drawn from the load's seed."""

    def __init__(self, spec: LoadSpec) -> None:
        self.requests = [request for request in spec.requests for _ in range(request.weight)]
        self.hang_up_after_s = [
            request.hang_up.after_s if request.hang_up and turn < request.hang_up.turns else None
            for request in spec.requests
            for turn in range(request.weight)
        ]
        self.max_timeout_s = max(request.timeout_s for request in (*spec.before, *spec.requests))
        self.before = spec.before
        self.known = spec.values.known
        self.draw = spec.draw
        self.explain = spec.explain
        self.thinks = spec.load.think_time_s[1] > 0
        self._think_s = spec.load.think_time_s
        self._draw = random.Random(spec.own_seed)  # noqa: S311  reproducible on purpose

    def draw_think_s(self) -> float:
        """Draw a think time, uniform between the load's two limits."""
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


def header_lines(head: bytes) -> list[tuple[str, str]]:
    """Return names and values of the headers of an answer."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return [(name, value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]


def _checker(request: PlainRequest) -> Any:
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
