"""The locustfile of every run: the one generator, the master of several, or one of its workers.

LOOPBENCH_LOAD_ORDER=load.json locust -f locustfiles/bench.py --headless ...
LOOPBENCH_LOAD_ORDER=load.json locust -f locustfiles/bench.py --headless --master ...
locust -f locustfiles/bench.py --headless --worker ...
"""

from typing import Any

from locust import User, events, runners, task
from locust.env import Environment

from locustfiles.alone import Alone
from locustfiles.master import Master
from locustfiles.shape import PhasesShape
from locustfiles.worker import Worker
from loopbench.records.generators import EXIT_EXCEPTIONS
from loopbench.records.load_order import LoadOrder, read_order

__all__ = ["PhasesShape", "VariantUser"]  # what Locust looks for in a locustfile

runners.WORKER_REPORT_INTERVAL = 1.0  # Locust's 3 s would make the progress of a run jump
runners.MASTER_HEARTBEAT_TIMEOUT = 10  # Locust's 60 s: as long a worker would load the target for a master that is gone


class VariantUser(User):
    """Stands in Locust's list of user classes until the order is there: then a process that asks replaces it."""

    @task
    def nothing(self) -> None:
        """Locust warns of a class without a task, and a master keeps this one."""


@events.init.add_listener
def _take_part(environment: Environment, runner: runners.Runner, **_: Any) -> None:
    if isinstance(runner, runners.WorkerRunner):
        Worker(environment, runner)
    elif isinstance(runner, runners.MasterRunner):
        Master(environment, runner, read_order(LoadOrder))
    else:
        Alone(environment, read_order(LoadOrder))


@events.quitting.add_listener
def _fail_on_exceptions(environment: Environment, **_: Any) -> None:
    """Failed requests are the target's; an exception in a user is ours, and then the load was not what was ordered."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = EXIT_EXCEPTIONS
