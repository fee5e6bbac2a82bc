"""The generator fails: it is missing, killed, frozen, without a sample, or one of two is lost."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loopbench.errors import ExitCode
from loopbench.records.sensors import SENSORS_FILE
from tests.faults.fault import PHASES, Fault, alone_and_after_a_run, table
from tests.faults.faults import APPS, ENDLESS_S, GENERATOR, Measuring

pytestmark = pytest.mark.real

FROZEN_S = 5
FROZEN_WORDS = ["stamp: INVALID", "G3: p99 of the generator's loop lag"]

LOCUST_BY = """\
import sys
from loopbench.measure import generators
from loopbench.cli import main
whole = generators.command
generators.command = lambda *known: [*{instead}, *whole(*known)[1:]]
main()
"""
"""`loopbench`, with another Python for Locust."""

WITHOUT_LOCUST = [sys.executable, "-I", "-S"]
WITH_ANOTHER_LOCUST = ["/usr/bin/env", f"PYTHONPATH={APPS / 'old_locust'}", sys.executable]


def locust_by(instead: list[str]) -> list[str]:
    """Return the command that plants a fault in loopbench."""
    return [sys.executable, "-c", LOCUST_BY.format(instead=instead)]


def killed_in(phase: str) -> Callable[[Measuring], None]:
    """Kill Locust when a phase has begun."""

    def kill(measuring: Measuring) -> None:
        measuring.wait_for("phase", phase=phase)
        measuring.signal(GENERATOR, signal.SIGKILL)

    return kill


def frozen(measuring: Measuring) -> None:
    """Stop Locust until the sensors, which look once a second, have looked five times more."""
    measuring.wait_for("phase", phase="hold")
    measuring.signal(GENERATOR, signal.SIGSTOP)
    (sensors,) = measuring.folder.glob(f"results/*/*/runs/.*/{SENSORS_FILE}")
    rows = len(sensors.read_bytes().splitlines())
    measuring.until(lambda: len(sensors.read_bytes().splitlines()) >= rows + FROZEN_S, "five seconds")
    measuring.signal(GENERATOR, signal.SIGCONT)


def lose_one(measuring: Measuring) -> None:
    """Kill one of two."""
    measuring.wait_for("phase", phase="hold")
    measuring.signal("--master-host", signal.SIGKILL)


def death(phase: str) -> Fault:
    """Return the fault of a generator that is killed in a phase."""
    return Fault(
        f"is killed in {phase}",
        ExitCode.GENERATOR,
        ["error[generator-failed]", "Locust failed (killed by SIGKILL)"],
        settings=PHASES[phase],
        act=killed_in(phase),
    )


FAULTS = (
    Fault(
        "is missing",
        ExitCode.GENERATOR,
        ["error[generator-failed]", "No module named locust", "pip install"],
        command=locust_by(WITHOUT_LOCUST),
        alone=True,
        nightly=False,
    ),
    Fault(
        "is an incompatible one",
        ExitCode.GENERATOR,
        ["error[generator-failed]", "locust | ImportError"],
        command=locust_by(WITH_ANOTHER_LOCUST),
        alone=True,
    ),
    *alone_and_after_a_run(death("hold")),
    *(death(phase) for phase in PHASES if phase != "hold"),
    Fault(
        "is frozen for five seconds",
        ExitCode.CANNOT_TELL,
        ["error[invalid]"],
        settings={"hold_s": 12},
        act=frozen,
        printed=FROZEN_WORDS,
    ),
    Fault(
        "has no sample",
        ExitCode.GENERATOR,
        ["error[generator-no-samples]"],
        settings={"more_load": 'mode = "open"\nrate = 0.001', "think_time_s": 0, "warmup_s": 0},
        alone=True,
    ),
    Fault(
        "is one of two and lost",
        ExitCode.GENERATOR,
        ["error[generator-lost-worker]", "of 2 was lost"],
        settings={"generators": 2, "hold_s": ENDLESS_S},
        act=lose_one,
        alone=True,
    ),
)


@table(FAULTS)
def test_the_generator(fault: Fault, finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """A fault of the generator ends in its own exit code and words, and nothing finished is lost."""
    fault.check(finished_run, tmp_path)
