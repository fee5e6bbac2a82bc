"""One of several generators: receives its order from a master and sends its samples with Locust's reports.

It writes nothing to disk. The order and the frames travel as messages, so a worker on another machine works the same
way as one on the master's machine.
"""

import functools
import os
import sys
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import argument_parser
from locust.env import Environment
from locust.rpc import Message
from locust.runners import WorkerRunner

from loopbench.locustfiles import messages
from loopbench.locustfiles.generator import Generator
from loopbench.locustfiles.sinks import ReportSink
from loopbench.records import samples
from loopbench.records.codec import from_json
from loopbench.records.generators import EXIT_NO_ORDER, EXIT_REFUSED, REFUSED_PREFIX
from loopbench.records.load_spec import LoadSpec

ORDER_WAIT_S: Final = 5.0
"""How long to wait for the order. A master that has gone never answers; a new process then greets the next one."""


class Worker:
    """This process under a master. Locust distributes the users; the master's messages begin the phases."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        _remember_default_arguments()
        self._environment = environment
        self._runner = runner
        self._sink = ReportSink()
        self._generator: Generator | None = None
        self._reported = 0
        self._ordered = Event()
        runner.register_message(messages.ORDER, self._take_order)
        runner.register_message(messages.REFUSED, self._exit_refused)
        runner.register_message(messages.PHASE, self._begin)
        environment.events.report_to_master.add_listener(self._report)
        environment.events.test_start.add_listener(self._warm_up)
        environment.events.spawning_complete.add_listener(self._all_users_came)
        environment.events.test_stopping.add_listener(self._stop_asking)
        gevent.spawn(self._send_hello)

    def _send_hello(self) -> None:
        self._runner.send_message(messages.HELLO, messages.hello())
        if not self._ordered.wait(ORDER_WAIT_S):
            _exit(EXIT_NO_ORDER, f"the master sent no order within {ORDER_WAIT_S:g} s")

    def _take_order(self, msg: Message, **_: Any) -> None:
        spec = from_json(LoadSpec, msg.data["order"], "the master's order")
        if spec.load.locustfile is not None:  # our masters send none, but the master may be another user's
            _exit(EXIT_REFUSED, f"{REFUSED_PREFIX}its order has a locustfile, and no file that a master names is run")
        spec = spec.model_copy(update={"generator": msg.data["generator"]})
        self._generator = Generator(self._environment, spec, self._sink)
        self._ordered.set()
        self._runner.send_message(messages.READY)

    def _exit_refused(self, msg: Message, **_: Any) -> None:
        _exit(EXIT_REFUSED, f"{REFUSED_PREFIX}{msg.data['why']}")

    def _warm_up(self, **_: Any) -> None:
        """Warm up when the test starts, which Locust's first spawn message, for no users, does."""
        if self._generator:
            self._generator.warm_up()
            self._runner.send_message(messages.WARM)

    def _all_users_came(self, user_count: int, **_: Any) -> None:
        if self._generator and user_count:
            self._generator.all_users_came()

    def _stop_asking(self, **_: Any) -> None:
        """Stop sending also if the test ends without a drain: the master has given up or is gone."""
        if self._generator:
            self._generator.stop_asking()

    def _begin(self, msg: Message, **_: Any) -> None:
        if self._generator is None:
            return
        phase = msg.data["phase"]
        self._generator.begin(phase)
        if phase == samples.PHASE_DRAIN:
            self._finish(self._generator)

    def _finish(self, generator: Generator) -> None:
        """Let users finish, close the record, and report at once instead of at the next interval."""
        self._runner.stop()
        generator.close(self._reported + self._environment.stats.total.num_requests)
        self._runner._send_stats()  # noqa: SLF001  Locust's own way to send a last report, see its "quit" message
        while not self._sink.empty:
            self._runner._send_stats()  # noqa: SLF001

    def _report(self, data: dict[str, Any], **_: Any) -> None:
        """Add frames to a report. Locust's own listener ran first and has reset its counts."""
        self._reported += data["stats_total"]["num_requests"]
        data[messages.FRAMES] = self._sink.take()
        data[messages.CLOSED] = self._sink.closed and self._sink.empty


def _remember_default_arguments() -> None:
    """Cache Locust's default arguments.

    Locust 2.47 rebuilds its whole argument parser for each of 100 arguments of each spawn message. That stopped a
    worker for 60 to 80 ms whenever users came: 6 % of a ramp's goodput in `benchmarks/distributed.py`. The result is
    always the same.
    """
    argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)


def _exit(code: int, why: str) -> None:
    """Exit at once, because Locust's orderly exit needs a master that answers."""
    sys.stderr.write(f"{why}\n")
    sys.stderr.flush()
    os._exit(code)
