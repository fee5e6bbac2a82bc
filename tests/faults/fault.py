"""One line of the fault table: how a fault is brought about, and how the measurement has to end."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from loopbench.errors import ExitCode
from tests.faults.faults import (
    ALONE,
    ENDLESS_S,
    Ended,
    Measuring,
    begun_session,
    check_end,
    was_disturbed,
    write_scenario,
)

PHASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "warmup": {"warmup_s": ENDLESS_S, "think_time_s": 0.2},
    "ramp": {"spawn_rate": 2 / ENDLESS_S, "think_time_s": 0.2},
    "hold": {"hold_s": ENDLESS_S, "think_time_s": 0.2},
    "drain": {"path": "/hangs", "warmup_s": 0, "drain_s": ENDLESS_S, "timeout_s": 2 * ENDLESS_S},
}
"""Settings that make one phase last until the test ends it. Its users think for long, because they load the machine."""

ENDED_EARLY: Final = frozenset({ExitCode.TARGET, ExitCode.GENERATOR, ExitCode.ENVIRONMENT})
"""Exit codes of an error that ends a session before its plan does."""


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
    printed: Sequence[str] = ()
    """Must be printed, as a result or beside it."""
    alone: bool = False
    """True: the session has one run, the faulty one. Nothing is drawn then, which halves the cost."""
    nightly: bool = True
    """False for the cheapest case of each kind, which runs every time."""

    def check(self, finished_run: Callable[[], Path], folder: Path) -> Ended:
        """Measure into the fault, check what always holds and this fault's code and words; return the end.

        Args:
            finished_run: returns the folder of a run that has finished; called unless the faulty run is alone.
            folder: the test's own.
        """
        ended = self._measure(None if self.alone else finished_run(), folder)
        check_end(ended, self.code, *self.words)
        if self.code in ENDED_EARLY:
            assert f"  kept: {'0 of 1' if self.alone else '1 of 2'} runs are complete" in ended.stderr, ended.stderr
        for word in self.printed:
            assert word in ended.stdout + ended.stderr or was_disturbed(ended), (
                ended.stderr
            )  # an INVALID session has another answer
        return ended

    def _measure(self, finished_run: Path | None, folder: Path) -> Ended:
        file = write_scenario(folder, **{"path": "/faulty", **(ALONE if self.alone else {}), **self.settings})
        session = begun_session(file, *([finished_run] if finished_run else []))
        options: dict[str, Any] = {} if self.command is None else {"command": self.command}
        with Measuring(folder, file, "--resume", session, env={"FAULT": self.env}, **options) as measuring:
            self.act(measuring)
            return measuring.end()


def alone_and_after_a_run(fault: Fault) -> tuple[Fault, Fault]:
    """Return a fault twice: alone, for every time, and in the second run, for nightly."""
    return (
        fault._replace(alone=True, nightly=False),
        fault._replace(name=f"{fault.name}, after a finished run", nightly=True),
    )


def table(faults: Sequence[Fault]) -> pytest.MarkDecorator:
    """The parameters of a test of many faults."""
    return pytest.mark.parametrize(
        "fault",
        [pytest.param(each, id=each.name, marks=pytest.mark.nightly if each.nightly else ()) for each in faults],
    )
