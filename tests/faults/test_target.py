"""The target falls ill: every way in the table, most of them while a finished run of the same session lies there."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loopbench.errors import ExitCode
from tests.faults.fault import Fault, table
from tests.faults.faults import ENDLESS_S, SERVER, Measuring

pytestmark = pytest.mark.real

PHASES: Mapping[str, Mapping[str, Any]] = {
    "warmup": {"warmup_s": ENDLESS_S},
    "ramp": {"spawn_rate": 2 / ENDLESS_S},
    "hold": {"hold_s": ENDLESS_S},
    "drain": {"path": "/hangs", "drain_s": ENDLESS_S, "timeout_s": 2 * ENDLESS_S, "hold_s": 3},
}
"""Settings that make one phase last until the test ends it."""

ENDS = {
    "KILL": (signal.SIGKILL, "killed by SIGKILL"),
    "SEGV": (signal.SIGSEGV, "killed by SIGSEGV"),
    "exit": (signal.SIGUSR1, "exit code 3"),
}

RIGHT_BODY = "expect = { json = { ok = true } }"


class SignalInPhase:
    """Send the server a signal when a phase has begun."""

    def __init__(self, number: signal.Signals, phase: str = "hold") -> None:
        self._number = number
        self._phase = phase

    def __call__(self, measuring: Measuring) -> None:
        """See `Fault.act`."""
        measuring.wait_for("phase", phase=self._phase)
        measuring.signal(SERVER, self._number)


def lose_a_worker(measuring: Measuring) -> None:
    """Kill one of uvicorn's two, which it replaces without a word."""
    measuring.wait_for("phase", phase="hold")
    os.kill(measuring.pids("multiprocessing.spawn")[-1], signal.SIGKILL)


DEATHS = tuple(
    Fault(
        f"dies by {end} in {phase}",
        ExitCode.TARGET,
        ["error[target-died]", words],
        settings=settings,
        act=SignalInPhase(number, phase),
        nightly=(end, phase) not in {("SEGV", "hold"), ("exit", "drain")},
    )
    for phase, settings in PHASES.items()
    for end, (number, words) in ENDS.items()
)

AT_THE_START = (
    Fault(
        "does not import", ExitCode.TARGET, ["error[target-start]", "target | RuntimeError"], "import", nightly=False
    ),
    Fault("has no such attribute", ExitCode.TARGET, ["error[target-start]"], settings={"app": "sick:gone"}, alone=True),
    Fault("does not exist", ExitCode.TARGET, ["error[target-start]"], settings={"app": "gone:app"}, alone=True),
    Fault("is not callable", ExitCode.TARGET, ["error["], settings={"app": "sick:NOT_CALLABLE"}, alone=True),
    Fault("exits at start", ExitCode.TARGET, ["error[target-start]", "exit code 3"], "exit at start", alone=True),
    Fault("is never ready", ExitCode.TARGET, ["error[target-not-ready]"], "never ready", {"ready_s": 4}, alone=True),
    Fault("is an impostor", ExitCode.TARGET, ["error[target-impostor]"], "impostor", alone=True, nightly=False),
)

WRONG_AT_ONCE = tuple(
    Fault(f"{name} at once", ExitCode.TARGET, ["error[wrong-answer]"], f"{name} at once", alone=True, nightly=nightly)
    for name, nightly in (
        ("wrong status", True),
        ("closes mid-body", True),
        ("endless body", False),
        ("huge header", True),
    )
)

WRONG_AFTER_A_WHILE = (
    Fault("wrong status after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "wrong status"),
    Fault("wrong body after a while", ExitCode.CANNOT_TELL, ["C3"], "wrong body", {"more": RIGHT_BODY}, nightly=False),
    Fault("closes mid-body after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "closes mid-body"),
    Fault(
        "endless body after a while",
        ExitCode.OK,
        [],
        "endless body",
        stdout_words=["stamp: INVALID", "D2: requests completed"],
    ),
    Fault("huge header after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "huge header"),
    Fault("out of memory", ExitCode.CANNOT_TELL, ["C2: failed requests"], "out of memory"),
)

OTHERS = (
    Fault(
        "is frozen",
        ExitCode.TARGET,
        ["error[target-hung]"],
        settings={"hold_s": 2, "timeout_s": 20},
        act=SignalInPhase(signal.SIGSTOP),
    ),
    Fault(
        "has a worker silently replaced",
        ExitCode.CANNOT_TELL,
        ["T1: server processes more or fewer than were asked for"],
        settings={"workers": 2, "hold_s": 4},
        act=lose_a_worker,
        alone=True,
    ),
    Fault("floods its log", ExitCode.OK, [], "floods its log"),
    Fault(
        "prints escapes and a runner's commands",
        ExitCode.TARGET,
        ["target | error[planted]", "target | ::error::planted", "\\x1b[2J"],
        "evil log",
        nightly=False,
    ),
    Fault("ignores TERM and daemonises", ExitCode.CANNOT_TELL, ["C1"], "deaf daemon", nightly=False),
)


@table([*AT_THE_START, *DEATHS, *WRONG_AT_ONCE, *WRONG_AFTER_A_WHILE, *OTHERS])
def test_the_target(fault: Fault, finished_run: Path, tmp_path: Path) -> None:
    """A fault of the target ends in its own exit code and words, and nothing finished is lost."""
    fault.check(finished_run, tmp_path)
