"""The locustfile of `generator.py`: one kind of user, every answer checked and recorded as a sample.

Environment: GENERATOR_KIND (a key of KINDS), GENERATOR_SAMPLES (file to record into), GENERATOR_RESULT (file for the
result, JSON), and either GENERATOR_SECONDS or GENERATOR_REQUESTS for the length of the window.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, HttpUser, constant, events, task
from locust.env import Environment
from locust.user.users import User

from loopbench.llhttp.user import LlhttpUser
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink

SETTLE_S = 0.5
LOOK_EVERY_S = 0.1
BODY_BYTES = 13  # what generator.py's nginx answers
PATH = "/hello"

recorder = Recorder(FileSink(Path(os.environ["GENERATOR_SAMPLES"])), run="benchmark")
NAME = recorder.name_id(PATH)
served: list[int] = []


def wrong(status: int, body: bytes) -> Exception | None:
    """Check an answer."""
    return None if status == 200 and len(body) == BODY_BYTES else ValueError("wrong answer")


class Counted(User):
    """A user that counts its answers."""

    abstract = True
    wait_time = constant(0)

    def on_start(self) -> None:
        """Set the user's number."""
        self.number = len(served)
        served.append(0)


class Closed(Counted, LlhttpUser):
    """`prepare` and `send`, in a loop inside one task."""

    @task
    def ask(self) -> None:
        """Send requests until Locust stops the user."""
        prepared = self.client.prepare("GET", PATH, check=wrong)
        send, record, number = self.client.send, recorder.record, self.number
        while self._state == "running":
            status, body, start_s, latency_s, flags, error, _ = send(prepared)
            record(start_s, latency_s, len(body), number, NAME, status, 0 if error is None else 1, flags)
            served[number] += 1


class OneByOne(Counted):
    """`client.get` as a task, as in any locustfile."""

    abstract = True
    client: Any

    @task
    def ask(self) -> None:
        """Send one request."""
        start_s = time.perf_counter()
        response = self.client.get(PATH)
        latency_s = time.perf_counter() - start_s
        status, content, number = response.status_code, response.content, self.number
        error = 0 if wrong(status, content) is None else 1
        recorder.record(start_s, latency_s, len(content), number, NAME, status, error, 0)
        served[number] += 1


class Dropped(OneByOne, LlhttpUser):
    """A FastHttpUser's locustfile with its base class changed."""


class Fast(OneByOne, FastHttpUser):
    """Locust's faster user."""


class Http(OneByOne, HttpUser):
    """Locust's slower user, on `requests`."""


KINDS: dict[str, type[User]] = {
    "LlhttpUser, send": Closed,
    "LlhttpUser, @task": Dropped,
    "FastHttpUser": Fast,
    "HttpUser": Http,
}


def choose(name: str) -> None:
    """Make every class but one abstract, because Locust runs all that are not."""
    for kind in KINDS.values():
        kind.abstract = kind is not KINDS[name]


choose(os.environ["GENERATOR_KIND"])


@events.test_start.add_listener
def _measure(environment: Environment, **_: Any) -> None:
    gevent.spawn(_window, environment)


@events.quit.add_listener
def _close(**_: Any) -> None:
    recorder.close(sum(served))


def _window(environment: Environment) -> None:
    runner = environment.runner
    assert runner is not None
    while len(served) < runner.target_user_count or not served:
        gevent.sleep(LOOK_EVERY_S)
    _run_for(SETTLE_S, 0)
    before, start_s, start_cpu_s, start_kb = served.copy(), time.perf_counter(), _cpu_s(), _rss_kb()
    _run_for(float(os.environ.get("GENERATOR_SECONDS", "inf")), int(os.environ.get("GENERATOR_REQUESTS", "0")))
    after, seconds, cpu_s = served.copy(), time.perf_counter() - start_s, _cpu_s() - start_cpu_s
    each = [last - first for first, last in zip(before, after, strict=True)]
    result = {
        "requests": sum(each),
        "seconds": seconds,
        "cpu_s": cpu_s,
        "failures": environment.stats.total.num_failures,
        "least": min(each),
        "most": max(each),
        "grown_kb": _rss_kb() - start_kb,
    }
    Path(os.environ["GENERATOR_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    runner.quit()


def _run_for(seconds: float, requests: int) -> None:
    """Let users run for a time or for a number of answers; the samples go to their file."""
    until_s, enough = time.perf_counter() + seconds, sum(served) + requests
    while time.perf_counter() < until_s and (not requests or sum(served) < enough):
        gevent.sleep(LOOK_EVERY_S)
        recorder.flush()


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024
