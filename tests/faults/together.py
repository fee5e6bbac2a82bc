"""Faults that are measured several at a time: each waits far more than it computes, and nothing is timed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.faults.faults import Ended, Measuring, begun_session, check_end, write_scenario

AT_A_TIME = 3


def nothing(_: Measuring) -> None:
    """The fault comes by itself."""


class Fault(NamedTuple):
    """One line of the table: how it is brought about, and how the measurement has to end."""

    name: str
    code: int
    words: Sequence[str]
    """That stand on stderr."""
    env: str = ""
    """What the variable FAULT says to the app."""
    settings: Mapping[str, Any] = {}
    act: Callable[[Measuring], None] = nothing
    command: Sequence[str] | None = None
    said: Sequence[str] = ()
    """That stand on stdout."""
    alone: bool = False
    """Nothing has finished before: for a session that differs from the one it would come from, or to be quick."""
    often: bool = False
    """Whether it is cheap and telling enough to be run every time."""

    def check(self, ended: Ended) -> None:
        """What always holds, and this fault's code and words."""
        check_end(ended, self.code, *self.words)
        for word in self.said:
            assert word in ended.stdout, ended.stdout


def table(faults: Sequence[Fault]) -> pytest.MarkDecorator:
    """The parameters of a test of many faults."""
    slow = pytest.mark.slow_faults
    rows = [pytest.param(fault, id=fault.name, marks=() if fault.often else slow) for fault in faults]
    return pytest.mark.parametrize("fault", rows)


def measured(fault: Fault, folder: Path, finished_run: Path) -> Ended:
    """A session whose first run has finished goes on into the fault."""
    file = write_scenario(folder, **{"path": "/faulty", **fault.settings})
    session = begun_session(file, None if fault.alone else finished_run)
    options: dict[str, Any] = {} if fault.command is None else {"command": fault.command}
    with Measuring(folder, file, "--resume", session, env={"FAULT": fault.env}, **options) as measuring:
        fault.act(measuring)
        return measuring.end()


class Together:
    """The ends of all faults that are asked for, measured while the first is waited for."""

    def __init__(self, faults: Sequence[Fault], folder_for: Callable[[str], Path], finished_run: Path) -> None:
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._ends: dict[str, Future[Ended]] = {
            fault.name: self._pool.submit(measured, fault, folder_for("fault"), finished_run) for fault in faults
        }

    def end_of(self, fault: Fault) -> Ended:
        """Wait for one."""
        return self._ends[fault.name].result()

    def close(self) -> None:
        """Begin no more."""
        self._pool.shutdown(cancel_futures=True)


def asked_for(request: pytest.FixtureRequest) -> list[Fault]:
    """The faults of the selected tests of a module."""
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.parent is request.node]
    return [spec.params["fault"] for spec in specs if spec is not None and "fault" in spec.params]
