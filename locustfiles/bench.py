"""The locustfile of every run: the only generator, the master of several, or one of its workers.

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

__all__ = ["PhasesShape", "VariantUser"]  # Locust looks for these in a locustfile

runners.WORKER_REPORT_INTERVAL = 1.0  # Locust's 3 s make a run's progress jump
runners.MASTER_HEARTBEAT_TIMEOUT = 10  # with Locust's 60 s, a worker without a master would load the target that long


class VariantUser(User):
    """Placeholder in Locust's list of user classes, until `Generator` replaces it."""

    @task
    def nothing(self) -> None:
        """Do nothing; Locust warns about a class without a task, and a master keeps this class."""


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
    """Exit with an error if a user raised: failed requests are results, but an exception means a wrong load."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = EXIT_EXCEPTIONS
