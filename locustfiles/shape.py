"""Locust's way to be told how many users there are to be: a load shape that passes the question on."""

from locust import LoadTestShape

from locustfiles.phases import Course, Users


class PhasesShape(LoadTestShape):
    """Hands a course to Locust. Set `course` before the test starts."""

    course: Course

    def tick(self) -> Users | None:
        """See `Course.next_users`."""
        return self.course.next_users()
