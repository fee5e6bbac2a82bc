"""Due requests reach idle users in order; unsent requests are counted, and every user is woken at the end.

All due times are in the past, so nothing waits.
"""

# mypy: allow-untyped-calls
from collections.abc import Iterable
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from loopbench.judge.run.samples import Samples, read_samples
from loopbench.locustfiles.dispatcher import Dispatcher, grouped
from loopbench.locustfiles.recorder import Recorder
from loopbench.locustfiles.sinks import FileSink
from loopbench.records import samples as layout


class Load:
    """A dispatcher with its recorder, and users that note their requests."""

    def __init__(self, folder: Path, due_times_s: Iterable[float]) -> None:
        self.folder = folder
        self.ended = Event()
        self.recorder = Recorder(FileSink(folder / "samples-0.bin"), "nonce")
        self.dispatcher = Dispatcher(due_times_s, self.ended, self.recorder)
        self.served: list[tuple[str, float]] = []

    def user(self, name: str, most: int = 1_000) -> gevent.Greenlet:
        """Serve so many requests and then block, or serve until the load is over."""

        def serve() -> None:
            for _ in range(most):
                due_s = self.dispatcher.next_due_s()
                if due_s is None:
                    return
                self.served.append((name, due_s))

        user: gevent.Greenlet = gevent.spawn(serve)
        return user

    def end(self) -> Samples:
        """Return the record after the end of the load."""
        self.ended.set()
        gevent.sleep(0)
        gevent.idle()
        self.recorder.close(locust_requests=0)
        return read_samples(self.folder)


def until_idle() -> None:
    for _ in range(5):
        gevent.idle()


@pytest.fixture
def past() -> list[float]:
    """Ten requests that were due at ten moments before the load began."""
    return [-1.0 + index * 0.01 for index in range(10)]


def test_requests_are_given_out_in_due_order(tmp_path: Path, past: list[float]) -> None:
    load = Load(tmp_path, past)
    users = [load.user("a"), load.user("b")]
    load.dispatcher.begin()
    until_idle()
    due_s = [at_s for _, at_s in load.served]
    assert len(due_s) == 10
    assert due_s == sorted(due_s)
    load.end()
    gevent.joinall(users, timeout=5, raise_error=True)
    assert all(user.dead for user in users)


def test_idle_users_take_turns(tmp_path: Path, past: list[float]) -> None:
    load = Load(tmp_path, past)
    for name in "abc":
        load.user(name, most=2)
    load.dispatcher.begin()
    until_idle()
    assert sorted(name for name, _ in load.served) == sorted("aabbcc")
    load.end()


def test_unsent_requests_are_counted_with_their_due_times(tmp_path: Path, past: list[float]) -> None:
    load = Load(tmp_path, past)
    load.user("busy", most=3)
    load.dispatcher.begin()
    until_idle()
    events = load.end().events
    assert [value for _, kind, value in events if kind == layout.EVENT_LOAD_ENDED] == [10]
    unsent = [(at_s, int(value)) for at_s, kind, value in events if kind == layout.EVENT_DUE_UNSENT]
    assert sum(count for _, count in unsent) == 7
    assert all(at_s < 0 for at_s, _ in unsent), "dated when they were due, not when the load ended"


def test_a_request_given_out_after_the_end_is_not_sent(tmp_path: Path, past: list[float]) -> None:
    load = Load(tmp_path, past)
    load.dispatcher.begin()
    until_idle()
    load.user("late")  # runs before the users are woken
    load.ended.set()
    events = load.end().events
    assert load.served == []
    assert sum(int(value) for _, kind, value in events if kind == layout.EVENT_DUE_UNSENT) == 10


def test_a_second_begin_does_nothing(tmp_path: Path, past: list[float]) -> None:
    load = Load(tmp_path, past)
    load.user("a")
    load.dispatcher.begin()
    load.dispatcher.begin()
    until_idle()
    assert len(load.served) == 10
    load.end()


@pytest.mark.parametrize(
    ("due_s", "groups"),
    [
        ([], []),
        ([1.0], [(1.0, 1)]),
        ([1.0, 1.05, 1.09, 1.1, 5.0], [(1.09, 3), (1.1, 1), (5.0, 1)]),
    ],
)
def test_a_group_has_the_time_of_its_last_request(due_s: list[float], groups: list[tuple[float, int]]) -> None:
    assert grouped(due_s, within_s=0.1) == groups
