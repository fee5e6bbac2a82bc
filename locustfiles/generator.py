"""One generator process: its users, recorder and warm-up. It is the same alone and as one of several workers."""

import time
from typing import Any, Final

import gevent
from gevent.event import Event
from locust.env import Environment

from loopbench.llhttp.pool import ConnectionPool
from loopbench.llhttp.statistics import adopt
from loopbench.llhttp.user import LlhttpUser
from loopbench.locustfiles.dispatcher import Dispatcher
from loopbench.locustfiles.journey_secrets import hide_secrets, public
from loopbench.locustfiles.journey_user import USER_KEY, Observer
from loopbench.locustfiles.journeys import (
    check_journeys,
    end_users,
    journey_users,
    record_user_errors,
    start_users,
    warm_up,
)
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.schedule import schedule_of
from loopbench.locustfiles.self_watch import SelfWatch
from loopbench.locustfiles.sinks import Sink
from loopbench.locustfiles.variant_user import error_class, variant_user
from loopbench.records import samples
from loopbench.records.load_spec import LoadSpec

FLUSH_S: Final = 1.0
MIN_WATCHED_S: Final = 0.01  # a shorter phase of a slice is watched with the next one
MAX_WARMUP_USERS: Final = 10  # of all generators together


class Generator:
    """One process that sends requests. Its user class replaces the one that Locust found in the locustfile.

    Args:
        environment: Locust's environment.
        spec: the load; this is number `spec.generator` of `spec.load.processes` processes.
        sink: receives the frames of the samples file.
    """

    def __init__(self, environment: Environment, spec: LoadSpec, sink: Sink) -> None:
        self._environment = environment
        self._spec = spec
        self._ended = Event()
        self._recorder = Recorder(sink, spec.run, spec.generator)
        self._dispatcher = self._open_dispatcher() if spec.load.is_open else None
        if spec.load.locustfile:
            environment.events.request.add_listener(self._record)
            environment.user_classes[:] = journey_users(spec, self._recorder, self._ended, environment)
            record_user_errors(environment, self._recorder)
            if any(issubclass(each, LlhttpUser) for each in environment.user_classes):
                adopt(environment).observe(self._record, Observer(self._recorder), public)
            hide_secrets(environment, spec.secrets)
        else:
            environment.user_classes[:] = [variant_user(spec, self._recorder, self._ended, self._dispatcher)]
        ours = spec.load.locustfile is None
        self._watch = SelfWatch(self._recorder.origin_s, (lambda: ConnectionPool.opened) if ours else None)
        self._writing = gevent.spawn(self._write_every_second)

    def warm_up(self) -> None:
        """Send every request from several users at once, because first calls import modules and start threads."""
        self.begin(samples.PHASE_WARMUP)
        until = time.perf_counter() + self._spec.load.warmup_s
        users = max(1, min(self._spec.load.users, MAX_WARMUP_USERS) // self._spec.load.processes)
        if self._spec.load.locustfile:
            classes = self._environment.user_classes
            warm_up(self._environment, classes, users, self._spec.load.warmup_s, self._spec.load.drain_s)
        else:
            gevent.joinall([gevent.spawn(self._ask_until, until) for _ in range(users)])

    def check_journeys(self) -> None:
        """Let users of the locustfile do each of their tasks once; exit if they fail."""
        check_journeys(self._environment, self._environment.user_classes)
        self.close(self._environment.stats.total.num_requests)

    def begin(self, phase: str) -> None:
        """Mark a phase in the record; the drain also stops new requests, until users may settle again."""
        if self._spec.slices is not None and self._watch.age_s >= MIN_WATCHED_S:
            self._recorder.watched(self._watch.take())
        self._recorder.begin(phase)
        if phase == samples.PHASE_DRAIN:
            self.stop_asking()
        elif phase == samples.PHASE_SETTLE:
            self._ended.clear()

    def stop_asking(self) -> None:
        """Let users finish their requests and send no more; wake those that think or wait for a due request."""
        self._ended.set()

    def new_users(self) -> list[Any]:
        """Return all users of the load, started, for a caller that runs `ask_and_think` in greenlets of its own."""
        if self._spec.load.locustfile:
            return start_users(self._environment, self._spec.load.users, self._spec.load.drain_s)
        users: list[Any] = [self._environment.user_classes[0](self._environment) for _ in range(self._spec.load.users)]
        for user in users:
            user.begin()
        if self._spec.before:
            gevent.joinall([gevent.spawn(user.log_in) for user in users])
        return users

    def end_users(self, users: list[Any]) -> None:
        """End users of `new_users`. Those of a locustfile still do their `on_stop`."""
        if self._spec.load.locustfile:
            end_users(users, self._spec.load.drain_s)

    def all_users_came(self) -> None:
        """Start the schedule of open mode."""
        if self._dispatcher:
            self._dispatcher.begin()

    def close(self, locust_requests: int) -> None:
        """Write the rest and the trailer; `locust_requests` is Locust's count in this process."""
        self._writing.kill()
        if redirects := adopt(self._environment).redirects:
            self._recorder.redirected(redirects)
        self._recorder.close(locust_requests)

    def _open_dispatcher(self) -> Dispatcher:
        due_times_s = schedule_of(self._spec).share(self._spec.generator, self._spec.load.processes)
        return Dispatcher(due_times_s, self._ended, self._recorder)

    def _write_every_second(self) -> None:
        self._watch.start()
        while True:
            gevent.sleep(FLUSH_S)
            if self._spec.slices is None:  # in turns, a second would mix this target's slice with another's
                self._recorder.watched(self._watch.take())
            self._recorder.flush()

    def _ask_until(self, until: float) -> None:
        user: Any = self._environment.user_classes[0](self._environment)
        while time.perf_counter() < until and not self._ended.is_set():
            user.ask_once()
            gevent.sleep(user.cycle.draw_think_s())
        user.client.close()  # the load opens its own connections

    def _record(
        self,
        name: str,
        response_time: float,
        response_length: int,
        context: dict[str, Any],
        response: Any = None,
        **event: Any,
    ) -> None:
        """Record a request of the locustfile's users from its event."""
        if redirects := len(getattr(response, "history", ())):
            self._recorder.redirected(redirects)
        recorder, latency_s, error = self._recorder, response_time / 1000, event["exception"]
        recorder.record(
            time.perf_counter() - latency_s,
            latency_s,
            response_length or 0,
            max(0, context.get(USER_KEY, 0)),
            recorder.name_id(name),
            getattr(response, "status_code", 0) or 0,
            recorder.error_id(error_class(error)) if error else samples.NO_ERROR,
            samples.FLAG_WARMUP if recorder.warming_up else 0,
        )
