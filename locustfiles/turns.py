"""The locustfile of several runs whose targets are loaded in turns, one slice at a time.

LOOPBENCH_LOAD_SPEC=turns.json locust -f locustfiles/turns.py --headless ...

While one target is loaded, the processes of the others are stopped (SIGSTOP), so that their timers, threads and
leftovers do not disturb it. Requests in flight are answered before a target is stopped.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import psutil
from locust import User, events, task
from locust.env import Environment

from loopbench.locustfiles.generator import Generator
from loopbench.locustfiles.phases import Users
from loopbench.locustfiles.shape import PhasesShape
from loopbench.locustfiles.sinks import FileSink
from loopbench.records import samples
from loopbench.records.load_spec import LoadSpec, SliceTimes, TurnsSpec, read_spec

__all__ = ["NoUser", "PhasesShape"]  # Locust looks for these in a locustfile


class NoUser(User):
    """Placeholder: Locust needs a user class, and each target has users of its own."""

    @task
    def nothing(self) -> None:
        """Do nothing; Locust warns about a class without a task."""


class Processes:
    """The processes of one target: everything below its minder, which is never stopped itself.

    Args:
        minder: its process id.
    """

    def __init__(self, minder: int) -> None:
        self._minder = minder
        self._stopped: list[psutil.Process] = []

    @property
    def are_alive(self) -> bool:
        """Whether there are any."""
        return bool(self._found())

    def stop(self) -> None:
        """Stop them all."""
        self._stopped = self._found()
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.suspend()

    def resume(self) -> None:
        """Let those that were stopped go on."""
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.resume()
        self._stopped = []

    def _found(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._minder).children(recursive=True)
        except psutil.Error:
            return []


class Side:
    """One target with its users, its record, and Locust's own count of its requests."""

    def __init__(self, locust: Environment, spec: LoadSpec, minder: int) -> None:
        assert spec.slices is not None, "a load in turns has slices"
        self._slices: SliceTimes = spec.slices
        self._drain_s = spec.load.drain_s
        self._environment = Environment(host=spec.url, parsed_options=locust.parsed_options)
        self._environment.create_local_runner()  # its listener counts the requests
        self._generator = Generator(self._environment, spec, FileSink(Path(spec.samples_file)))
        self._users: list[Any] = []
        self._asking: list[gevent.Greenlet] = []
        self._hangs = False
        self._processes = Processes(minder)

    def stop(self) -> None:
        """Stop the target's processes."""
        self._processes.stop()

    def resume(self) -> None:
        """Let the target's processes go on."""
        self._processes.resume()

    def warm_up(self) -> None:
        """Send requests that are not evaluated."""
        self.resume()
        events = self._environment.events  # Locust fires them where it runs the load itself
        events.test_start.fire(environment=self._environment)
        self._generator.warm_up()
        self._users = self._generator.new_users()
        events.spawning_complete.fire(user_count=len(self._users))
        self._end_slice()

    def load_once(self) -> None:
        """Load the target for one slice, unless its processes have ended, or it answered no user in a whole drain."""
        if self._hangs or not self._processes.are_alive:
            return
        self.resume()
        self._generator.begin(samples.PHASE_SETTLE)
        step_s = self._slices.arrive_s / len(self._users)
        self._asking = [
            gevent.spawn_later(step_s * place, each.ask_and_think) for place, each in enumerate(self._users)
        ]
        gevent.sleep(self._slices.settle_s)
        self._generator.begin(samples.PHASE_HOLD)
        gevent.sleep(self._slices.hold_s)
        self._generator.begin(samples.PHASE_DRAIN)
        self._hangs = not self._drain()
        self._end_slice()

    def close(self) -> None:
        """Let requests in flight end, and write the rest of the record."""
        self.resume()
        self._generator.stop_asking()
        self._drain()
        self._generator.end_users(self._users)
        for event in (self._environment.events.test_stop, self._environment.events.quitting):
            event.fire(environment=self._environment)
        self._environment.events.quit.fire(exit_code=0)
        self._generator.close(self._environment.stats.total.num_requests)

    def _drain(self) -> bool:
        """Let requests in flight end, and return whether any user's did."""
        ended = gevent.joinall(self._asking, timeout=self._drain_s)
        gevent.killall(self._asking)
        return bool(ended)

    def _end_slice(self) -> None:
        self._generator.begin(samples.PHASE_STOPPED)
        self.stop()


class Turns:
    """All targets, and whose turn it is."""

    def __init__(self, environment: Environment, spec: TurnsSpec) -> None:
        self._spec = spec
        self._sides = [Side(environment, *each) for each in zip(spec.loads, spec.minders, strict=True)]
        PhasesShape.levels = self._take_turns()
        environment.events.quit.add_listener(self._close)

    def _take_turns(self) -> Iterator[Users]:
        """Run the whole load at Locust's first question. Locust itself starts no user."""
        for side in self._sides:
            side.stop()
        for side in self._sides:
            side.warm_up()
        for turn in self._spec.turns:
            self._sides[turn].load_once()
        yield from ()

    def _close(self, **_: Any) -> None:
        for side in self._sides:
            side.close()


@events.init.add_listener
def _take_part(environment: Environment, **_: Any) -> None:
    Turns(environment, read_spec(TurnsSpec))
