"""The users of a locustfile of one's own: its classes as they are, with what a recorded run needs mixed in."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

import gevent
import locust
from gevent import GreenletExit
from gevent.event import Event
from gevent.pool import Group
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerNode
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING, TaskSet
from locust.user.users import UserMeta
from locust.util.load_locustfile import load_locustfile

from loopbench.llhttp.client import LlhttpClient
from loopbench.locustfiles.own_origin import stay_at_origin
from loopbench.locustfiles.recorder import Recorder
from loopbench.records import samples
from loopbench.records.generators import EXIT_JOURNEY, EXIT_LOCUSTFILE
from loopbench.records.load_spec import JOURNEY_S, LoadSpec
from loopbench.scenario.secrets import secret_variables
from loopbench.secrecy import hidden, public_target, remember

USER_KEY: Final = "loopbench_user"  # key in a request event's context: the number of the user that sent the request

TINY_S: Final = 1e-9
JOURNEYS: Final = 3  # users of a class that may fail before the class does: one account of a CSV file may be wrong
INSTALLED: Final = "site-packages"


def journey_users(spec: LoadSpec, recorder: Recorder, ended: Event, environment: Environment) -> list[Any]:
    """Load the locustfile and return its user classes, in its own folder and with its name in `sys.path`."""
    file = Path(str(spec.load.locustfile))
    os.chdir(file.parent)
    sys.path.append(str(file.parent))
    found = _loaded(file, environment)
    unknown = [name for name in spec.load.user_classes if name not in found]
    if unknown or not found:
        missing = f"has no user class {unknown[0] if unknown else ''}".rstrip()
        _exit(f"{file.name} {missing}: it has {', '.join(found) or 'none'}", EXIT_LOCUSTFILE)
    chosen = [each for name, each in found.items() if name in (spec.load.user_classes or found)]
    TaskSet._sleep = _sleep  # type: ignore[method-assign]  # noqa: SLF001  where all of Locust's task sets wait
    settings = {"host": spec.url, "recorder": recorder, "ended": ended}
    return [
        UserMeta(each.__name__, (_JourneyUser, each), {**settings, "__module__": each.__module__}) for each in chosen
    ]


def _loaded(file: Path, environment: Environment) -> dict[str, Any]:
    events, known = environment.events, set(sys.modules)
    earlier = len(events.init._handlers)  # noqa: SLF001  Locust fires the event once, before the file is there
    with _names(locust, events=events):
        try:
            found, _ = load_locustfile(str(file))
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a user's file raises
            line = _line_of(error, error.__traceback__)
            _exit(f"{line or file.name}: the locustfile does not load: {_text_of(error)}", EXIT_LOCUSTFILE)
    for name in set(sys.modules) - known:  # so that the next target's users load the helpers of the file anew
        if _is_own(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
    for listener in events.init._handlers[earlier:]:  # noqa: SLF001
        listener(environment=environment, runner=environment.runner, web_ui=None)
    return dict(found)


@contextmanager
def _names(module: Any, **values: Any) -> Iterator[None]:
    """Give names of a module other values for a while."""
    former = {name: getattr(module, name) for name in values}
    vars(module).update(values)
    try:
        yield
    finally:
        vars(module).update(former)


def _line_of(error: BaseException, tb: TracebackType | None) -> str:
    """Return file and line of the user's own code in which an error arose; empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = [each for each in traceback.extract_tb(tb) if _is_own(each.filename)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _is_own(file: str | None) -> bool:
    """Whether a file lies in the folder of the locustfile."""
    return file is not None and file.startswith(f"{Path.cwd()}{os.sep}") and INSTALLED not in file


def _text_of(error: BaseException) -> str:
    return public(" ".join(f"{type(error).__name__}: {error}".split()))


def start_users(environment: Environment, number: int, limit_s: float) -> list[Any]:
    """Return all users of the load, by weight, after `on_start` and held before their first task."""
    classes: dict[str, Any] = {each.__name__: each for each in environment.user_classes}
    dispatcher = UsersDispatcher([WorkerNode("here")], list(classes.values()))
    dispatcher.new_dispatch(number, number)
    counts = next(dispatcher)["here"]
    group, users = Group(), [classes[name](environment) for name, count in counts.items() for _ in range(count)]
    for user in users:
        user.begin(group)
    gevent.wait([user.has_begun for user in users], timeout=limit_s)
    return users


def end_users(users: list[Any], limit_s: float) -> None:
    """End users that are held; each still does its `on_stop`."""
    gevent.killall([user.greenlet for user in users], timeout=limit_s)


def hide_secrets(environment: Environment) -> None:
    """Remove the secrets of this process's variables, and those of queries, from the events that are recorded."""
    remember(secret_variables(os.environ))
    for event in (environment.events.request, environment.events.user_error):
        event.fire = _hiding(event.fire)  # type: ignore[method-assign]


def _hiding(fire: Callable[..., None]) -> Callable[..., None]:
    def hiding(**event: Any) -> None:
        if "name" in event:
            event["name"] = public(str(event["name"]))
        if error := event.get("exception"):
            event["exception"] = _public_error(error)
        fire(**event)

    return hiding


@lru_cache(maxsize=10_000)
def public(text: str) -> str:
    """Return a name without the secrets of this process's variables and of queries."""
    return hidden(public_target(text))


def _public_error(error: Any) -> Any:
    """Return an error as it is, or one of the same name without the secrets in its text."""
    text = public(str(error))
    if text == str(error):
        return error
    return text if isinstance(error, str) else type(type(error).__name__, (Exception,), {})(text)


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


class _JourneyUser:
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


def _sleep(tasks: Any, seconds: float) -> None:
    """Wait between two tasks, until the load ends or the user has done what it should."""
    user = tasks.user
    if user.tasks_left <= 0 or (seconds > 0 and user.waits and user.think(seconds)):
        raise StopUser
    if seconds <= 0 or not user.waits:
        gevent.sleep(0)
        user.goes.wait()


def record_user_errors(environment: Environment, recorder: Recorder) -> None:
    """Record every exception in the code of the load's users, with its line."""

    def note(user_instance: Any, exception: BaseException, tb: TracebackType, **_: Any) -> None:
        if getattr(
            user_instance, "user", user_instance
        ).is_extra:  # of an exception in a task, Locust passes the TaskSet
            return
        line = _line_of(exception, tb)
        recorder.user_failed(_text_of(exception) + (f" ({line})" if line else ""))

    environment.events.user_error.add_listener(note)


def check_journeys(environment: Environment, classes: list[Any]) -> None:
    """Let one user of each class do as many tasks as it has, without waiting. Exit unless it does them well."""
    with gevent.Timeout(JOURNEY_S, False):
        for each in classes:
            problems: list[str] = []
            for _ in range(JOURNEYS):
                problems = _problems_of_one(environment, each) or []
                if not problems:
                    break
            if problems:
                _exit(f"one journey of one {each.__name__} failed: " + "; ".join(list(dict.fromkeys(problems))[:3]))
        return
    _exit(f"one user of each class did not finish its tasks within {JOURNEY_S:g} s")


def _problems_of_one(environment: Environment, user_class: Any) -> list[str]:
    """Run one user and return what failed: requests and exceptions."""
    problems: list[str] = []
    asked: list[str] = []

    def note_request(request_type: str, name: str, exception: Any, **_: Any) -> None:
        asked.append(name)
        if exception:
            problems.append(f"{request_type} {name}: {exception}")

    def note_error(exception: BaseException, tb: TracebackType, **_: Any) -> None:
        line = _line_of(exception, tb)
        problems.append((f"{line}: " if line else "") + _text_of(exception))

    events = environment.events
    events.request.add_listener(note_request)
    events.user_error.add_listener(note_error)
    user = user_class(environment)
    user.end_after(len(set(_tasks(user_class))))
    _finished([user], None)
    events.request.remove_listener(note_request)
    events.user_error.remove_listener(note_error)
    return problems or ([] if asked else ["it sent no request"])


def warm_up(environment: Environment, classes: list[Any], users: int, seconds: float, drain_s: float) -> None:
    """Run some users for some seconds."""
    several = [classes[number % len(classes)](environment) for number in range(users)]
    ending = gevent.spawn_later(seconds, _end, several)
    _finished(several, seconds + drain_s)
    ending.kill()


def _end(users: list[Any]) -> None:
    for user in users:
        user.end_after(0)


def _finished(users: list[Any], limit_s: float | None) -> None:
    """Run users that do not belong to the load; those that do not end in time are killed."""
    group = Group()
    for user in users:
        user.is_extra = True
        user.start(group)
    try:
        group.join(limit_s)
    finally:
        group.kill()


def _tasks(holder: Any) -> Iterator[Any]:
    """Yield the tasks of a user class or task set, and of the task sets in it."""
    for each in holder.tasks:
        if isinstance(each, type) and issubclass(each, TaskSet):
            yield from _tasks(each)
        else:
            yield each


def _exit(why: str, code: int = EXIT_JOURNEY) -> NoReturn:
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(code)
