"""The load shape: Locust asks it for the number of users, and it asks the run's schedule."""

from typing import Protocol

from locust import LoadTestShape

from locustfiles.phases import Users


class UserSchedule(Protocol):
    """Decides how many users there are and when the load ends."""

    def next_users(self) -> Users | None:
        """Wait until the number of users is to change and return the new one; None when the load is over.

        It may block, because Locust calls it in a greenlet of its own.
        """


class PhasesShape(LoadTestShape):
    """Passes Locust's question on to `schedule`, which must be set before the test starts."""

    schedule: UserSchedule

    def tick(self) -> Users | None:
        """See `UserSchedule.next_users`."""
        return self.schedule.next_users()
