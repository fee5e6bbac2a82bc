"""One line of the fault table: how a fault is brought about, and how the measurement has to end."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.faults.faults import Ended, Measuring, begun_session, check_end, write_scenario


def nothing(_: Measuring) -> None:
    """Do nothing: the fault happens without help."""


class Fault(NamedTuple):
    """One line of the table."""

    name: str
    code: int
    words: Sequence[str]
    """Must stand on stderr."""
    env: str = ""
    """The value of the variable FAULT, which the app reads."""
    settings: Mapping[str, Any] = {}
    act: Callable[[Measuring], None] = nothing
    command: Sequence[str] | None = None
    stdout_words: Sequence[str] = ()
    """Must stand on stdout."""
    alone: bool = False
    """True: no run has finished before. For a session unlike the shared one, or to be quick."""
    nightly: bool = True
    """False for the cheapest case of each kind, which runs every time."""

    def check(self, finished_run: Path, folder: Path) -> Ended:
        """Measure into the fault, check what always holds and this fault's code and words; returns the end."""
        ended = self._measure(finished_run, folder)
        check_end(ended, self.code, *self.words)
        for word in self.stdout_words:
            assert word in ended.stdout, ended.stdout
        return ended

    def _measure(self, finished_run: Path, folder: Path) -> Ended:
        file = write_scenario(folder, **{"path": "/faulty", **self.settings})
        session = begun_session(file, None if self.alone else finished_run)
        options: dict[str, Any] = {} if self.command is None else {"command": self.command}
        with Measuring(folder, file, "--resume", session, env={"FAULT": self.env}, **options) as measuring:
            self.act(measuring)
            return measuring.end()


def table(faults: Sequence[Fault]) -> pytest.MarkDecorator:
    """The parameters of a test of many faults."""
    return pytest.mark.parametrize(
        "fault",
        [pytest.param(each, id=each.name, marks=pytest.mark.nightly if each.nightly else ()) for each in faults],
    )
