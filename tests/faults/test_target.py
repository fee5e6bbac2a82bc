"""The target fails in every way of the table: in the first run of a session, or after a run that has finished."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from tests.faults.fault import PHASES, Fault, alone_and_after_a_run, table
from tests.faults.faults import GENERATOR, SERVER, Measuring

pytestmark = pytest.mark.real

ENDS = {
    "KILL": (signal.SIGKILL, "killed by SIGKILL"),
    "SEGV": (signal.SIGSEGV, "killed by SIGSEGV"),
    "exit": (signal.SIGUSR1, "exit code 3"),
}

RIGHT_BODY = "expect = { json = { ok = true } }"
THREE_VARIANTS = f"""
[[variants]]
name = "wrong body"
path = "/faulty"
{RIGHT_BODY}
[variants.target]
env = {{ FAULT = "wrong body" }}
[[variants]]
name = "deaf daemon"
path = "/faulty"
[variants.target]
env = {{ FAULT = "deaf daemon" }}
"""
"""The faulty variant, and two more with faults of their own."""


NO_COUNT = "deaf daemon: C1: largest difference between two counts: not measured, no count of server"


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
    """Kill one of uvicorn's two as the load begins; uvicorn replaces it without a word."""
    measuring.until(lambda: measuring.pids(GENERATOR), "a load")
    os.kill(measuring.pids("multiprocessing.spawn")[-1], signal.SIGKILL)


def death(end: str, phase: str) -> Fault:
    """Return the fault of a target that ends in a phase."""
    number, words = ENDS[end]
    return Fault(
        f"dies by {end} in {phase}",
        ExitCode.TARGET,
        ["error[target-died]", f"ended while it was being measured ({words})"],
        settings=PHASES[phase],
        act=SignalInPhase(number, phase),
    )


EVERY_TIME = (("SEGV", "hold"), ("exit", "drain"))
DEATHS = (
    *(fault for end, phase in EVERY_TIME for fault in alone_and_after_a_run(death(end, phase))),
    *(death(end, phase) for phase in PHASES for end in ENDS if (end, phase) not in EVERY_TIME),
)

AT_THE_START = (
    *alone_and_after_a_run(
        Fault(
            "does not import",
            ExitCode.TARGET,
            ["error[target-start]", "target | RuntimeError: the database URL is not set"],
            "import",
        )
    ),
    Fault(
        "has no such attribute",
        ExitCode.TARGET,
        ["error[target-start]", '"gone" not found'],
        settings={"app": "sick:gone"},
        alone=True,
        nightly=False,
    ),
    Fault(
        "does not exist",
        ExitCode.TARGET,
        ["error[target-start]", '"gone"'],
        settings={"app": "gone:app"},
        alone=True,
        nightly=False,
    ),
    Fault("is not callable", ExitCode.TARGET, ["error["], settings={"app": "sick:NOT_CALLABLE"}, alone=True),
    Fault("exits at start", ExitCode.TARGET, ["error[target-start]", "exit code 3"], "exit at start", alone=True),
    Fault(
        "is never ready",
        ExitCode.TARGET,
        ["error[target-not-ready]", "did not answer within 0.5 s"],
        "never ready",
        {"ready_s": 0.5},
        alone=True,
        nightly=False,
    ),
    Fault("is an impostor", ExitCode.TARGET, ["error[target-impostor]"], "impostor", alone=True, nightly=False),
)

IMPATIENT = {"timeout_s": 0.5}
WRONG_AT_ONCE = (
    Fault(
        "wrong status at once",
        ExitCode.TARGET,
        ["error[wrong-answer]", "status 503, expected 200"],
        "wrong status at once",
        alone=True,
        nightly=False,
    ),
    Fault(
        "no answer at once",
        ExitCode.TARGET,
        ["error[wrong-answer]", "no answer within 0.5 s"],
        "at once",
        IMPATIENT | {"path": "/hangs"},
        alone=True,
        nightly=False,
    ),
    Fault(
        "endless body at once",
        ExitCode.TARGET,
        ["error[wrong-answer]"],
        "endless body at once",
        IMPATIENT,
        alone=True,
        nightly=False,
    ),
    *(
        Fault(f"{name} at once", ExitCode.TARGET, ["error[wrong-answer]"], f"{name} at once", alone=True)
        for name in ("closes mid-body", "huge header")
    ),
)

WRONG_AFTER_A_WHILE = (
    Fault(
        "three variants answer wrongly after a while",
        ExitCode.CANNOT_TELL,
        ["faulty: C2: failed requests", "mostly status 503, expected 200", "wrong body: C3: ", NO_COUNT],
        "wrong status",
        {"more": THREE_VARIANTS},
        alone=True,
        nightly=False,
    ),
    Fault("wrong status after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "wrong status"),
    Fault("wrong body after a while", ExitCode.CANNOT_TELL, ["C3"], "wrong body", {"more": RIGHT_BODY}),
    Fault("closes mid-body after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "closes mid-body"),
    Fault(
        "endless body after a while",
        ExitCode.OK,
        [],
        "endless body",
        {"warmup_s": 0, "drain_s": 2},
        stdout_words=["stamp: INVALID", "D2: requests completed"],
    ),
    Fault("huge header after a while", ExitCode.CANNOT_TELL, ["C2: failed requests"], "huge header"),
    Fault("out of memory", ExitCode.CANNOT_TELL, ["C2: failed requests"], "out of memory"),
)

FAILS_TWICE = {"is not callable", "closes mid-body at once"}
"""The app raises at every request, and both tracebacks are at the end of its log."""

OTHERS = (
    *alone_and_after_a_run(
        Fault(
            "is frozen",
            ExitCode.TARGET,
            ["error[target-hung]", "the target stopped answering"],
            "freezes",
            {"warmup_s": 0, "drain_s": 1},
        )
    ),
    Fault(
        "has a worker silently replaced",
        ExitCode.CANNOT_TELL,
        ["T1: server processes more or fewer than were asked for"],
        settings={"workers": 2, "hold_s": 10, "think_time_s": 0.2},
        act=lose_a_worker,
        alone=True,
    ),
    Fault("floods its log", ExitCode.OK, [], "floods its log"),
    *alone_and_after_a_run(
        Fault(
            "prints escapes and a runner's commands",
            ExitCode.TARGET,
            ["target | error[planted]", "target | ::error::planted", "\\x1b[2J"],
            "evil log",
        )
    ),
    Fault("ignores TERM and daemonises", ExitCode.CANNOT_TELL, ["C1"], "deaf daemon"),
)


@table([*AT_THE_START, *DEATHS, *WRONG_AT_ONCE, *WRONG_AFTER_A_WHILE, *OTHERS])
def test_the_target(fault: Fault, finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """A fault of the target ends in its own exit code and words, and nothing finished is lost."""
    ended = fault.check(finished_run, tmp_path)
    assert fault.name in FAILS_TWICE or ended.stderr.count("Traceback") <= 1
