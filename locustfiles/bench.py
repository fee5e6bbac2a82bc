"""The locustfile of every run: reads its order, makes the user class, records, and follows the phases.

LOOPBENCH_LOAD_ORDER=load.json locust -f locustfiles/bench.py --headless ...
"""

import time
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment

from locustfiles.phases import Phases, PhasesShape
from locustfiles.recorder import Recorder
from locustfiles.variant_user import USER_KEY, error_class, variant_user
from loopbench.records import samples
from loopbench.records.load_order import CLIENT_LLHTTP, LoadOrder, read_order

FLUSH_S = 1.0
EXIT_EXCEPTIONS = 3

order = read_order(LoadOrder)
recorder = Recorder(Path(order.samples_file), order.run)
phases = Phases(order, recorder)
PhasesShape.phases = phases
VariantUser = variant_user(order, recorder, phases.ended)


@events.init.add_listener
def _write_every_second(environment: Environment, **_: Any) -> None:
    def write() -> None:
        while True:
            gevent.sleep(FLUSH_S)
            recorder.flush()

    gevent.spawn(write)
    environment.events.quit.add_listener(lambda **_: recorder.close(environment.stats.total.num_requests))


@events.quitting.add_listener
def _fail_on_exceptions(environment: Environment, **_: Any) -> None:
    """Failed requests are the target's; an exception in a user is ours, and then the load was not what was ordered."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = EXIT_EXCEPTIONS


@events.test_start.add_listener
def _warm_up(environment: Environment, **_: Any) -> None:
    """Every route, at once from several users: first calls import things and start threads."""
    recorder.begin(samples.PHASE_WARMUP)
    until = time.perf_counter() + order.warmup_s

    def ask() -> None:
        user = VariantUser(environment)
        while time.perf_counter() < until:
            user.ask_once()
            gevent.sleep(user.turns.think_time_s())
        close = getattr(user.client, "close", None)  # HttpUser's and ours have one: the load opens its own connections
        if close:
            close()

    gevent.joinall([gevent.spawn(ask) for _ in range(order.warmup_users)])
    phases.ramp()


@events.spawning_complete.add_listener
def _hold(**_: Any) -> None:
    phases.hold()


@events.test_stopping.add_listener
def _drain(**_: Any) -> None:
    phases.drain()


def _record(
    name: str, response_time: float, response_length: int, context: dict[str, Any], response: Any = None, **event: Any
) -> None:
    """A request of one of Locust's own clients, whose stamps its event brings."""
    latency_s, error = response_time / 1000, event["exception"]
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


if order.client != CLIENT_LLHTTP:
    events.request.add_listener(_record)
