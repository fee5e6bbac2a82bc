"""The root task set of `LlhttpUser`: Locust's, with a shorter way from one task to the next."""

import random
from types import FunctionType
from typing import Any

from gevent import get_hub
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, DefaultTaskSet

_getrandbits = random.getrandbits


class QuickTaskSet(DefaultTaskSet):
    """Runs the tasks of a user in Locust's order, without sleeping for zero seconds after a task that has waited.

    Locust sleeps after every task so that others can run. A task that has waited for an answer has already let them.
    """

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._loop_time_s = get_hub().loop.now  # changes with every iteration of the event loop
        self._yielded_s = -1.0
        self._wait_s: float | None = None  # drawn, but not yet waited

    def execute_next_task(self) -> None:
        """Run the next task, and further ones as long as Locust would do nothing between them but sleep for 0 s."""
        user, queue = self.user, self._task_queue
        task = queue.popleft()
        while True:
            if type(task) is FunctionType:
                task(user)
            else:
                self.execute_task(task)
            if user._state != LOCUST_STATE_RUNNING:  # noqa: SLF001  as Locust's own task sets do
                return
            wait_s, now_s = self.wait_time(), self._loop_time_s()
            if queue or wait_s != 0 or now_s == self._yielded_s:
                self._wait_s = wait_s
                return
            self._yielded_s = now_s
            task = self.get_next_task()

    def get_next_task(self) -> Any:
        """Draw a task as `random.choice` does, with the same numbers and without its inner calls."""
        tasks = self.user.tasks
        if not tasks:
            return super().get_next_task()  # raises
        count = len(tasks)
        bits = count.bit_length()
        while (index := _getrandbits(bits)) >= count:
            pass
        return tasks[index]

    def wait(self) -> None:
        """See `TaskSet.wait`."""
        user = self.user
        wait_s, self._wait_s = self._wait_s, None
        if user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001
            raise StopUser
        user._state = LOCUST_STATE_WAITING  # noqa: SLF001
        self._sleep(self.wait_time() if wait_s is None else wait_s)
        if user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001
            raise StopUser
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001
        self._yielded_s = self._loop_time_s()
