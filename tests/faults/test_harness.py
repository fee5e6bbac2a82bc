"""The harness is interrupted, killed, paused, or has a bug: what is finished stays, and nothing runs on."""

import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from loopbench.errors import ExitCode
from loopbench.records.session import REPORT_FILE, run_folders
from tests.faults.commands import Command
from tests.faults.fault import PHASES, Fault, alone_and_after_a_run, table
from tests.faults.faults import (
    ALONE,
    ENDLESS_S,
    GENERATOR,
    SERVER,
    Ended,
    Measuring,
    begun_session,
    check_end,
    check_error_is_last,
    left_behind,
    processes_of,
    write_scenario,
)
from tests.faults.planted import with_planted

pytestmark = pytest.mark.real

STARTING = "between runs"
"""The target of the second run is about to be started."""

KEPT = "1 of 2 runs are complete"
NOTHING_KEPT = "0 of 1 runs are complete"
RESUME = "--resume"
AT_ONCE = "a second signal ends everything at once"


@dataclass(frozen=True)
class SignalIn:
    """Send the harness a signal when a phase has begun: once, or again when the first has been answered."""

    phase: str
    number: signal.Signals
    times: int = 1

    def __call__(self, measuring: Measuring) -> None:
        if self.phase == STARTING:
            measuring.wait_for("run_started", run=2)
        else:
            measuring.wait_for("phase", phase=self.phase)
        measuring.process.send_signal(self.number)
        if self.times > 1:
            stderr = measuring.folder / "stderr"
            measuring.until(lambda: AT_ONCE in stderr.read_text(), "an answer to the first signal")
            measuring.process.send_signal(self.number)


def lose_the_minder(of: str) -> Callable[[Measuring], None]:
    """Kill the minder of the target or of the generator."""

    def act(measuring: Measuring) -> None:
        measuring.wait_for("phase", phase="hold")
        (pid,) = [pid for pid, line in processes_of(measuring.folder) if "minder.py" in line and of in line]
        psutil.Process(pid).kill()

    return act


def _signalled(phase: str, number: signal.Signals) -> Fault:
    settings = PHASES.get(phase, {})
    words = [f"stopped by {number.name}", KEPT, RESUME, "loopbench report"]
    return Fault(f"{number.name} in {phase}", -number, words, settings=settings, act=SignalIn(phase, number))


def _signalled_in_the_first_run(phase: str, number: signal.Signals) -> Fault:
    """Return the same without a finished run: nothing is drawn, and `loopbench report` has nothing to draw."""
    fault = _signalled(phase, number)
    words = [f"stopped by {number.name}", NOTHING_KEPT, RESUME]
    return fault._replace(name=f"{fault.name} of the first run", words=words, alone=True)


TWICE = Fault(
    "SIGINT twice", -signal.SIGINT, [AT_ONCE], settings=PHASES["hold"], act=SignalIn("hold", signal.SIGINT, times=2)
)
KILLED = tuple(
    Fault(f"SIGKILL in {phase}", -signal.SIGKILL, [], settings=PHASES.get(phase, {}),
          act=SignalIn(phase, signal.SIGKILL))
    for phase in (*PHASES, STARTING)
)  # fmt: skip
KILLED_IN_HOLD = next(fault for fault in KILLED if fault.name == "SIGKILL in hold")
"""Tested every time, together with a resume of what it leaves."""

MINDER_OF_THE_TARGET, MINDER_OF_THE_TARGET_LATER = alone_and_after_a_run(
    Fault(
        "minder of the target killed",
        ExitCode.TARGET,
        ["error[target-died]"],
        settings=PHASES["hold"],
        act=lose_the_minder(SERVER),
    )
)
QUICK = (
    _signalled_in_the_first_run("warmup", signal.SIGINT),
    _signalled_in_the_first_run("drain", signal.SIGTERM),
    TWICE,
    MINDER_OF_THE_TARGET,
)
THOROUGH = (
    *(
        _signalled(phase, number)
        for phase in (*PHASES, STARTING)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ),
    *(killed for killed in KILLED if killed is not KILLED_IN_HOLD),
    MINDER_OF_THE_TARGET_LATER,
    Fault("minder of Locust killed", ExitCode.GENERATOR, ["error[generator-failed]"], settings=PHASES["hold"],
          act=lose_the_minder(GENERATOR)),
)  # fmt: skip
FAULTS = [
    *(fault._replace(nightly=False) for fault in QUICK),
    *(fault for fault in THOROUGH if fault.name not in {quick.name for quick in QUICK}),
]


@table(FAULTS)
def test_the_harness_is_ended(fault: Fault, finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """Finished runs stay, the trees end, and the last words say what is kept and how to go on."""
    fault.check(finished_run, tmp_path)


def test_a_session_of_another_scenario_is_not_continued_after_a_kill(
    command: Command, finished_run: Callable[[], Path], tmp_path: Path
) -> None:
    """SIGKILL in the hold leaves the finished run and no process. The key that differs is named with both values."""
    killed = KILLED_IN_HOLD.check(finished_run, tmp_path)
    file = killed.folder / "case.toml"
    file.write_text(file.read_text().replace(f"hold_s = {ENDLESS_S}", "hold_s = 1"))
    refused = command("run", file, "--no-lock", "--resume", killed.session)
    assert refused.code == ExitCode.USAGE, "the scenario is another one now"
    assert f"load.hold_s was {ENDLESS_S:.1f}, is 1.0" in refused.stderr


def test_a_second_measurement_is_refused_while_one_is_under_way(command: Command, tmp_path: Path) -> None:
    """The first one holds the lock from its first event on."""
    file = write_scenario(tmp_path, **ALONE)
    with Measuring(tmp_path, file, lock=()) as measuring:
        measuring.wait_for("session_started")
        refused = command("run", file)
    assert refused.code == ExitCode.ENVIRONMENT
    assert "another loopbench is measuring" in refused.stderr
    assert left_behind(tmp_path) == []


def test_a_bug_of_ours_leaves_a_crash_file_and_what_was_finished(
    command: Command, finished_run: Callable[[], Path], tmp_path: Path
) -> None:
    """Exit code 70; the traceback is in the file alone, and the session can be drawn."""
    file = write_scenario(tmp_path)
    session = begun_session(file, finished_run())
    with Measuring(
        tmp_path, file, "--resume", session, command=with_planted("bug"), env={"TMPDIR": str(tmp_path)}
    ) as measuring:
        ended = measuring.end()
    assert ended.code == ExitCode.BUG
    assert "Traceback" not in ended.stderr
    check_error_is_last(ended)
    (crash,) = tmp_path.glob("loopbench-crash-*.txt")
    assert "a bug that was planted" in crash.read_text()
    assert left_behind(tmp_path) == []
    check_end(command("report", session), ExitCode.OK)
    assert (session / REPORT_FILE).stat().st_size > 0


def kill_the_generator(measuring: Measuring) -> None:
    """No process is left to resume the targets that it has stopped."""
    measuring.signal(GENERATOR, signal.SIGKILL)


@pytest.mark.parametrize(
    ("act", "code", "words"),
    [
        (lambda measuring: measuring.process.kill(), -signal.SIGKILL, ()),
        (
            lambda measuring: measuring.process.send_signal(signal.SIGHUP),
            -signal.SIGHUP,
            ("stopped by SIGHUP", "2 of 4 runs are complete", RESUME, "loopbench report"),
        ),
        (kill_the_generator, ExitCode.GENERATOR, ("error[generator-failed]", "2 of 4 runs")),
    ],
    ids=["harness killed", "harness ended", "generator killed"],
)
def test_targets_that_wait_for_their_turn_end_too(
    act: Callable[[Measuring], None], code: int, words: tuple[str, ...], healthy: Ended, tmp_path: Path
) -> None:
    """A stopped process obeys SIGTERM only when it goes on. The two runs that were finished before stay."""
    file = write_scenario(tmp_path, rounds=1, more_repeat=f"window_s = {ENDLESS_S}", think_time_s=0.2)
    session = begun_session(file, *run_folders(healthy.session))
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("run_started", run=4)
        measuring.until(lambda: psutil.STATUS_STOPPED in statuses(measuring.pids(SERVER)), "a target that waits")
        act(measuring)
        ended = measuring.end()
    check_end(ended, code, *words)


def statuses(pids: list[int]) -> set[str]:
    """Of those processes that are still there."""
    found: set[str] = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.add(psutil.Process(pid).status())
    return found


def test_ctrl_z_stops_the_trees_and_the_run_is_measured_again(tmp_path: Path) -> None:
    """Target and generator stand still with the harness; what they did before does not count."""
    file = write_scenario(tmp_path, **ALONE, hold_s=5, think_time_s=0.2)
    session = begun_session(file)
    with Measuring(tmp_path, file, "--resume", session) as measuring:
        measuring.wait_for("phase", phase="hold")
        measuring.process.send_signal(signal.SIGTSTP)
        harness = psutil.Process(measuring.process.pid)
        measuring.until(lambda: harness.status() == psutil.STATUS_STOPPED, "a pause")
        children = [pid for word in (SERVER, GENERATOR) for pid in measuring.pids(word)]
        assert len(children) >= 2
        stopped = {psutil.STATUS_STOPPED}
        measuring.until(lambda: {psutil.Process(pid).status() for pid in children} == stopped, "a pause of all")
        measuring.process.send_signal(signal.SIGCONT)
        repeated = measuring.wait_for("run_repeated", run=1)
        measuring.process.send_signal(signal.SIGTERM)
        ended = measuring.end()
    assert repeated["faults"] == ["it was paused in the middle (Ctrl-Z)"]
    check_end(ended, -signal.SIGTERM, "stopped by SIGTERM", NOTHING_KEPT, RESUME)
