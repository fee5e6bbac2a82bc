"""What is mixed into the user classes of a locustfile, so that their load begins, ends and is recorded as planned."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import gevent
from gevent import GreenletExit
from gevent.event import Event
from gevent.pool import Group
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING

from loopbench.llhttp.client import LlhttpClient
from loopbench.locustfiles.journey_secrets import public
from loopbench.locustfiles.own_origin import stay_at_origin
from loopbench.locustfiles.recorder import Recorder
from loopbench.records import samples

USER_KEY: Final = "loopbench_user"  # key in a request event's context: the number of the user that sent the request

TINY_S: Final = 1e-9


class Observer:
    """Records requests of a locustfile's users one by one; firing an event for each costs more than the request.

    Args:
        recorder: receives them.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def good(self, user: Any, name: str, start_s: float, latency_s: float, size_bytes: int, status: int) -> None:  # noqa: PLR0913  the facts of one request
        """Record a request with a good answer."""
        recorder = self._recorder
        flags = samples.FLAG_WARMUP if recorder.warming_up else 0
        recorder.record(start_s, latency_s, size_bytes, user.number, recorder.name_id(name), status, 0, flags)

    def cut(self, user: Any, name: str, start_s: float) -> None:
        """Record a request that the end of the drain cuts off."""
        recorder = self._recorder
        flags = samples.FLAG_UNFINISHED | (samples.FLAG_WARMUP if recorder.warming_up else 0)
        error, waited_s = recorder.error_id(samples.UNFINISHED), time.perf_counter() - start_s
        recorder.record(start_s, waited_s, 0, user.number, recorder.name_id(name), 0, error, flags)


class JourneyUser:
    """Mixed into a user class.

    Locust kills users that wait. If the wait ends at that moment, the kill hits the next request, which is then sent
    but never counted. So these users never seem to wait, and the end of the load wakes them.

    In turns, a user is held before its next request and in its waits while another target is loaded.
    """

    recorder: Recorder
    ended: Event
    number = 0
    is_extra = False  # whether it belongs to the check or the warm-up, and not to the load
    in_turns = False
    tasks_left = sys.maxsize
    waits = True
    wait_time: Callable[[], float]
    _own_state: Any = None
    _in_flight = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[call-arg]
        self.goes, self.pauses, self.has_begun, self.is_answered = Event(), Event(), Event(), Event()
        self.goes.set()
        self.is_answered.set()
        client: Any = getattr(self, "client", None)
        if hasattr(client, "request") and not isinstance(client, LlhttpClient):  # which has an observer
            client.request = self._cut_recorded(client.request)
            stay_at_origin(client)

    @property
    def _state(self) -> Any:
        return self._own_state

    @_state.setter
    def _state(self, state: Any) -> None:
        if state == LOCUST_STATE_WAITING:  # a task has ended
            self.tasks_left -= 1
            state = LOCUST_STATE_RUNNING
        self._own_state = state

    def context(self) -> dict[str, Any]:
        """Return the user's own context with its number, for the listener that records."""
        return {**super().context(), USER_KEY: self.number}  # type: ignore[misc]

    def run(self) -> None:
        """Run the user as Locust does, between two marks in the record."""
        if self.is_extra:
            super().run()  # type: ignore[misc]
            return
        self.number = self.recorder.user_started()
        try:
            super().run()  # type: ignore[misc]
        finally:
            self.recorder.user_stopped(self.number)
            self.has_begun.set()

    def on_start(self) -> None:
        """Do what the user does first, such as a login. In turns the user is held afterwards."""
        super().on_start()  # type: ignore[misc]
        if self.in_turns:
            self.goes.clear()
        self.has_begun.set()

    def on_stop(self) -> None:
        """Do what the user does last. Only now is it let go: a user that goes on would send a request and be cut."""
        self.goes.set()
        super().on_stop()  # type: ignore[misc]

    def begin(self, group: Group) -> None:
        """Start a user of a load in turns."""
        self.in_turns = True
        client: Any = getattr(self, "client", None)
        if hasattr(client, "request"):
            request = client.request
            client.request = self._held(request)
            for name, method in list(vars(client).items()):  # LlhttpClient's get, head, ...
                if isinstance(method, partial) and method.func == request:
                    setattr(client, name, partial(client.request, *method.args))
        self.start(group)  # type: ignore[attr-defined]

    def ask_and_think(self) -> None:
        """Let the user go on until the slice is over and its requests are answered. One whose request is cut ends."""
        self.pauses.clear()
        self.goes.set()
        try:
            self.ended.wait()
            self.goes.clear()
            self.pauses.set()
            self.is_answered.wait()
        except GreenletExit:
            self.greenlet.kill(block=False)  # type: ignore[attr-defined]
            raise

    def think(self, seconds: float) -> bool:
        """Wait, and return whether the load ended meanwhile. In turns, the wait stands still between two slices."""
        if not self.in_turns:
            return bool(self.ended.wait(seconds))
        while seconds > 0:
            self.goes.wait()
            began_s = time.perf_counter()
            self.pauses.wait(seconds)
            seconds -= time.perf_counter() - began_s
        return False

    def end_after(self, tasks: int) -> None:
        """End after so many tasks, without waiting. A wait of zero would be skipped, and the count with it."""
        self.tasks_left, self.waits = tasks, False
        self.wait_time = lambda: TINY_S

    def _cut_recorded(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """Record requests that the end of the drain cuts off: Locust's clients report nothing of them."""

        def call(method: str, url: str, *arguments: Any, **options: Any) -> Any:
            began_s = time.perf_counter()
            try:
                return request(method, url, *arguments, **options)
            except GreenletExit:
                Observer(self.recorder).cut(self, public(options.get("name") or url), began_s)
                raise

        return call

    def _held(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """Hold the user before each request while another target is loaded."""

        def call(*arguments: Any, **options: Any) -> Any:
            self.goes.wait()
            self._note_in_flight(1)
            try:
                return request(*arguments, **options)
            finally:
                self._note_in_flight(-1)

        return call

    def _note_in_flight(self, more: int) -> None:
        self._in_flight += more
        (self.is_answered.clear if self._in_flight else self.is_answered.set)()


def sleep_in_load(tasks: Any, seconds: float) -> None:
    """Wait between two tasks, until the load ends or the user has done what it should."""
    user = tasks.user
    if user.tasks_left <= 0 or (seconds > 0 and user.waits and user.think(seconds)):
        raise StopUser
    if seconds <= 0 or not user.waits:
        gevent.sleep(0)
        user.goes.wait()
