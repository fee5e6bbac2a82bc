"""One generator process: its users, recorder and warm-up. It is the same alone and as one of several workers."""

import time
from typing import Any, Final

import gevent
from gevent.event import Event
from locust.env import Environment

from locustfiles.dispatcher import Dispatcher
from locustfiles.llhttp_pool import ConnectionPool
from locustfiles.recorder import Recorder
from locustfiles.schedule import schedule_of
from locustfiles.self_watch import SelfWatch
from locustfiles.sinks import Sink
from locustfiles.variant_user import USER_KEY, error_class, variant_user
from loopbench.records import samples
from loopbench.records.load_order import CLIENT_LLHTTP, MODE_OPEN, LoadOrder

FLUSH_S: Final = 1.0


class Generator:
    """One process that sends requests. Its user class replaces the one that Locust found in the locustfile.

    Args:
        environment: Locust's environment.
        order: the load; this is number `order.generator` of `order.generators` processes.
        sink: receives the frames of the samples file.
    """

    def __init__(self, environment: Environment, order: LoadOrder, sink: Sink) -> None:
        self._environment = environment
        self._order = order
        self._ended = Event()
        self._recorder = Recorder(sink, order.run, order.generator)
        self._dispatcher = self._open_dispatcher() if order.mode == MODE_OPEN else None
        self._user_class = variant_user(order, self._recorder, self._ended, self._dispatcher)
        environment.user_classes[:] = [self._user_class]
        if order.client != CLIENT_LLHTTP:
            environment.events.request.add_listener(self._record)
        self._writing = gevent.spawn(self._write_every_second)

    def warm_up(self) -> None:
        """Send every request from several users at once, because first calls import modules and start threads."""
        self.begin(samples.PHASE_WARMUP)
        until = time.perf_counter() + self._order.warmup_s
        users = max(1, self._order.warmup_users // self._order.generators)
        gevent.joinall([gevent.spawn(self._ask_until, until) for _ in range(users)])

    def begin(self, phase: str) -> None:
        """Mark a phase in the record; the drain also stops new requests."""
        self._recorder.begin(phase)
        if phase == samples.PHASE_DRAIN:
            self.stop_asking()

    def stop_asking(self) -> None:
        """Let users finish their requests and send no more; wake those that think or wait for a due request."""
        self._ended.set()

    def all_users_came(self) -> None:
        """Start the schedule of open mode."""
        if self._dispatcher:
            self._dispatcher.begin()

    def close(self, locust_requests: int) -> None:
        """Write the rest and the trailer; `locust_requests` is Locust's count in this process."""
        self._writing.kill()
        self._recorder.close(locust_requests)

    def _open_dispatcher(self) -> Dispatcher:
        due_times_s = schedule_of(self._order).share(self._order.generator, self._order.generators)
        return Dispatcher(due_times_s, self._ended, self._recorder)

    def _write_every_second(self) -> None:
        ours = self._order.client == CLIENT_LLHTTP
        watch = SelfWatch(self._recorder.origin_s, (lambda: ConnectionPool.opened) if ours else None)
        watch.start()
        while True:
            gevent.sleep(FLUSH_S)
            self._recorder.watched(watch.take())
            self._recorder.flush()

    def _ask_until(self, until: float) -> None:
        user = self._user_class(self._environment)
        while time.perf_counter() < until:
            user.ask_once()
            gevent.sleep(user.cycle.think_time_s())
        close = getattr(
            user.client, "close", None
        )  # HttpUser's client and ours have it; the load opens its own connections
        if close:
            close()

    def _record(
        self,
        name: str,
        response_time: float,
        response_length: int,
        context: dict[str, Any],
        response: Any = None,
        **event: Any,
    ) -> None:
        """Record a request of one of Locust's own clients from its event."""
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
