"""What recording adds to a request of an `LlhttpUser` in a locustfile of one's own (required: at most 1.5 us of CPU).

    python -m benchmarks recorder

The same user class runs its tasks as plain Locust would run it, and as a run of loopbench does, in alternation. A
connection that answers at once replaces the network, so that nothing but the client's own work is measured.
"""

# ruff: noqa: SLF001  one user and one connection, without the rest of a load
# mypy: allow-untyped-calls, allow-untyped-decorators, allow-subclassing-any
import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from locust.env import Environment
from locust.exception import StopUser

from benchmarks.generator_runs import spec, verdict
from loopbench.llhttp.answer import Limits
from loopbench.llhttp.connection import Connection
from loopbench.llhttp.tasks import QuickTaskSet
from loopbench.locustfiles.generator import Generator
from loopbench.locustfiles.sinks import FileSink

LIMIT_US: Final = 1.5
ROUNDS: Final = 25
TASKS: Final = 20_000
BODY: Final = b"hello world!\n"
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
LOCUSTFILE: Final = """
from locust import constant, task
from loopbench import LlhttpUser


class Asking(LlhttpUser):
    host = "http://127.0.0.1:1"
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/hello")
"""


class Wire:
    """Answers at once."""

    readable_while_idle = False
    since_s = 0.0

    def send(self, data: bytes) -> None:
        """Take a request."""

    def first(self) -> bytes:
        """Return the whole answer."""
        return ANSWER

    def close(self) -> None:
        """Do nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; return 1 if recording costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        recorded, flush = recorded_user(Path(name))
        plain = user_in(Environment(user_classes=[type(recorded).__bases__[1]]))
        pairs = [(task_us(plain), task_us(recorded), flush())[:2] for _ in range(ROUNDS)]
    added_us = statistics.median(after - before for before, after in pairs)
    alone_us, together_us = (statistics.median(column) for column in zip(*pairs, strict=True))
    fine = added_us <= LIMIT_US
    print(f"a task with one request, without the network: {alone_us:.2f} us; recorded: {together_us:.2f} us")
    print(f"{verdict(reached=fine)} recording adds {added_us:.2f} us (at most {LIMIT_US}), median of {ROUNDS} pairs")
    return 0 if fine else 1


def recorded_user(folder: Path) -> tuple[Any, Callable[[], None]]:
    """Return a user as it is in a run, and what writes the samples recorded so far."""
    file = folder / "journeys.py"
    file.write_text(LOCUSTFILE, encoding="utf-8")
    environment = Environment()
    load = spec("http://127.0.0.1:1", "/hello", folder, locustfile=str(file))
    generator = Generator(environment, load, FileSink(Path(load.samples_file)))
    return user_in(environment), generator._recorder.flush


def user_in(environment: Environment) -> Any:
    """Return a running user of the environment's class whose connection answers at once."""
    environment.create_local_runner()  # whose listener counts the requests
    user: Any = environment.user_classes[0](environment)
    wire: Any = Wire()
    user._state = "running"
    user.client.pool._connect = lambda _request, _since_s: Connection(wire, Limits())
    return user


def task_us(user: Any) -> float:
    """Return the CPU time of one task in microseconds."""
    turns = itertools.count()
    tasks: Any = QuickTaskSet(user)
    tasks._loop_time_s = lambda: float(next(turns))  # each task seems to have waited for its answer
    tasks.get_next_task = Countdown(user.tasks[0])
    began_s = time.process_time()
    with contextlib.suppress(StopUser):
        tasks.run()
    return (time.process_time() - began_s) / TASKS * 1e6


class Countdown:
    """Returns the same task `TASKS` times, then ends the user."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.left = TASKS

    def __call__(self) -> Any:
        """Return the task."""
        self.left -= 1
        if self.left < 0:
            raise StopUser
        return self.task


if __name__ == "__main__":
    sys.exit(main())
