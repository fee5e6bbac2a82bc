"""The only generator of a run: users, phases and samples file in one process."""

from pathlib import Path
from typing import Any

from locust.env import Environment

from locustfiles.generator import Generator
from locustfiles.phases import Phases
from locustfiles.shape import PhasesShape
from locustfiles.sinks import FileSink
from loopbench.records.load_order import LoadOrder


class Alone:
    """Runs the phases and the users, and writes the samples file."""

    def __init__(self, environment: Environment, order: LoadOrder) -> None:
        self._environment = environment
        self._generator = Generator(environment, order, FileSink(Path(order.samples_file)))
        self._phases = Phases(order, self._generator.begin)
        PhasesShape.schedule = self._phases
        environment.events.test_start.add_listener(self._warm_up)
        environment.events.spawning_complete.add_listener(self._all_users_came)
        environment.events.test_stopping.add_listener(self._drain)
        environment.events.quit.add_listener(self._close)

    def _warm_up(self, **_: Any) -> None:
        self._generator.warm_up()
        self._phases.load_begins()

    def _all_users_came(self, **_: Any) -> None:
        self._phases.all_users_came()
        self._generator.all_users_came()

    def _drain(self, **_: Any) -> None:
        self._phases.drain()

    def _close(self, **_: Any) -> None:
        """Close the samples file at `quit`, because after a SIGTERM requests may end later than `quitting`."""
        self._generator.close(self._environment.stats.total.num_requests)
