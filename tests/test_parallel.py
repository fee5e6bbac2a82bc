"""Jobs in several processes: all are done, once, and their errors are ours."""

import os
import signal
from functools import partial
from pathlib import Path
from pickle import PicklingError

import psutil
import pytest

from loopbench.parallel import _begin, in_parallel

two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core there is no second process")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xdist a plugin of pytest keeps a thread, beside which every job would be done in this process."""
    monkeypatch.setattr("threading.active_count", lambda: 1)


def children() -> set[int]:
    """Processes of ours, other tests' among them."""
    return {each.pid for each in psutil.Process().children()}


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A FIFO that one job opens for reading and another for writing: neither goes on unless both are under way."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_results_come_in_the_order_of_the_jobs() -> None:
    numbers = range(300)
    assert in_parallel([partial(pow, number, 2) for number in numbers]) == [number**2 for number in numbers]


def test_each_job_is_done_once(tmp_path: Path) -> None:
    def note() -> None:
        with (tmp_path / "done").open("a") as file:
            file.write("x")

    in_parallel([note] * 9)
    assert (tmp_path / "done").read_text() == "x" * 9


@two_cores
def test_two_jobs_run_at_the_same_time(other: Path) -> None:
    def write() -> str:
        other.write_text("met")
        return "written"

    assert in_parallel([lambda: other.read_text(encoding="utf-8"), write]) == ["met", "written"]


def test_what_a_job_raises_is_raised_here(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "folder"
    with pytest.raises(FileNotFoundError) as caught:
        in_parallel([lambda: 0, lambda: missing.write_text("x")])
    assert caught.value.filename == str(missing)


def test_an_error_that_cannot_be_handed_over_is_an_error_all_the_same() -> None:
    def work() -> None:
        raise ValueError(lambda: None)

    with pytest.raises((AttributeError, PicklingError, ValueError)):
        in_parallel([work, work])


@two_cores
def test_a_helper_that_is_ended_is_an_error(other: Path) -> None:
    def leave() -> str:
        other.write_text("met")
        os._exit(0)

    with pytest.raises(ChildProcessError):
        in_parallel([lambda: other.read_text(encoding="utf-8"), leave])


@two_cores
def test_an_error_leaves_no_process(other: Path) -> None:
    before = children()

    def fail() -> None:
        other.read_text()
        raise KeyError

    def never_end() -> None:
        other.write_text("met")
        for _ in iter(int, 1):
            pass

    with pytest.raises(KeyError):
        in_parallel([fail, never_end])
    assert children() <= before


def test_a_copy_whose_parent_died_before_it_began_ends() -> None:
    copy = os.fork()
    if copy == 0:
        _begin((), parent=copy)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == -signal.SIGKILL


def test_on_one_core_everything_is_done_here() -> None:
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        assert in_parallel([os.getpid, os.getpid]) == [os.getpid()] * 2
    finally:
        os.sched_setaffinity(0, every)
