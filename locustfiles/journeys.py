"""The users of a locustfile of one's own: loads its classes, tries each once, warms up, starts and ends them."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

import gevent
import locust
from gevent.event import Event
from gevent.pool import Group
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode
from locust.user.task import TaskSet
from locust.user.users import UserMeta
from locust.util.load_locustfile import load_locustfile

from loopbench.locustfiles.journey_secrets import public
from loopbench.locustfiles.journey_user import JourneyUser, sleep_in_load
from loopbench.locustfiles.recorder import Recorder
from loopbench.records.generators import EXIT_JOURNEY, EXIT_LOCUSTFILE
from loopbench.records.load_spec import JOURNEY_S, LoadSpec

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
    TaskSet._sleep = sleep_in_load  # type: ignore[method-assign]  # noqa: SLF001  where all of Locust's task sets wait
    settings = {"host": spec.url, "recorder": recorder, "ended": ended}
    return [
        UserMeta(each.__name__, (JourneyUser, each), {**settings, "__module__": each.__module__}) for each in chosen
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
