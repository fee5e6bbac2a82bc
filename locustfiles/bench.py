"""The locustfile of every run: the only generator, the master of several, or one of its workers.

LOOPBENCH_LOAD_SPEC=load.json locust -f locustfiles/bench.py --headless ...
LOOPBENCH_LOAD_SPEC=load.json locust -f locustfiles/bench.py --headless --master ...
locust -f locustfiles/bench.py --headless --worker ...
"""

import os
import signal
from pathlib import Path
from typing import Any

import gevent
from locust import User, events, runners, task
from locust.env import Environment

from loopbench.locustfiles.generator import Generator
from loopbench.locustfiles.master import Master
from loopbench.locustfiles.phases import Phases
from loopbench.locustfiles.shape import PhasesShape
from loopbench.locustfiles.sinks import FileSink
from loopbench.locustfiles.worker import Worker
from loopbench.records.generators import EXIT_EXCEPTIONS
from loopbench.records.load_spec import KIND_JOURNEY, PATH_VARIABLE, LoadSpec, read_spec

__all__ = ["PhasesShape", "VariantUser"]  # Locust looks for these in a locustfile

runners.WORKER_REPORT_INTERVAL = 1.0  # Locust's 3 s make a run's progress jump
runners.MASTER_HEARTBEAT_TIMEOUT = 10  # with Locust's 60 s, a worker without a master would load the target that long


class VariantUser(User):
    """Placeholder in Locust's list of user classes, until `Generator` replaces it."""

    @task
    def nothing(self) -> None:
        """Do nothing; Locust warns about a class without a task, and a master keeps this class."""


class Alone:
    """The only generator of a run: users, phases and samples file in one process."""

    def __init__(self, environment: Environment, spec: LoadSpec) -> None:
        self._environment = environment
        self._generator = Generator(environment, spec, FileSink(Path(spec.samples_file)))
        self._phases = Phases(spec, self._generator.begin)
        PhasesShape.levels = self._phases.levels
        environment.events.test_start.add_listener(self._warm_up)
        environment.events.spawning_complete.add_listener(self._all_users_came)
        environment.events.test_stopping.add_listener(self._drain)
        environment.events.quit.add_listener(self._close)
        gevent.signal_handler(signal.SIGTERM, self._end_early)  # Locust installs its own after the load

    def _warm_up(self, **_: Any) -> None:
        self._generator.warm_up()
        self._phases.load_begins()

    def _all_users_came(self, **_: Any) -> None:
        self._phases.all_users_came()
        self._generator.all_users_came()

    def _drain(self, **_: Any) -> None:
        self._phases.drain()

    def _end_early(self) -> None:
        self._generator.stop_asking()
        self._phases.end_early()

    def _close(self, **_: Any) -> None:
        """Close the samples file at `quit`, because after a SIGTERM requests may end later than `quitting`."""
        self._generator.close(self._environment.stats.total.num_requests)


def _check_journeys(environment: Environment, spec: LoadSpec) -> None:
    Generator(environment, spec, FileSink(Path(spec.samples_file))).check_journeys()
    os._exit(0)  # no load follows


@events.init.add_listener
def _take_part(environment: Environment, runner: runners.Runner, **_: Any) -> None:
    if isinstance(runner, runners.WorkerRunner):
        Worker(environment, runner)
    elif isinstance(runner, runners.MasterRunner):
        Master(environment, runner, read_spec(LoadSpec))
    elif (spec := read_spec(LoadSpec)).kind == KIND_JOURNEY:
        _check_journeys(environment, spec)
    else:
        Alone(environment, spec)


@events.quitting.add_listener
def _fail_on_exceptions(environment: Environment, **_: Any) -> None:
    """Exit with an error if one of our users raised: failed requests are results, an exception means a wrong load."""
    ours = PATH_VARIABLE not in os.environ or read_spec(LoadSpec).load.locustfile is None
    if ours and environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = EXIT_EXCEPTIONS
