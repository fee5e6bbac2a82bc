"""The load shape: Locust asks it for the number of users, and it asks the run's phases."""

from collections.abc import Iterator

from locust import LoadTestShape

from loopbench.locustfiles.phases import Users


class PhasesShape(LoadTestShape):
    """Passes on the next of `levels`, which must be set before the test starts; the load ends with the last one.

    An iterator may block until the number of users is to change, because Locust asks in a greenlet of its own.
    """

    levels: Iterator[Users]

    def tick(self) -> Users | None:
        """Return the next number of users; None when the load is over."""
        return next(self.levels, None)
