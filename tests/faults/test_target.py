"""The target fails in every way of the table: in the first run of a session, or after a run that has finished."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from loopbench.errors import ExitCode
from loopbench.measure import services
from loopbench.measure.stop import StopWish
from loopbench.measure.variant_checks import failing_variants
from loopbench.plan import make_plan
from loopbench.scenario import load
from loopbench.session import SessionOptions, _context, new_session
from tests.faults.fault import PHASES, Fault, alone_and_after_a_run, table
from tests.faults.faults import (
    ALONE,
    GENERATOR,
    SERVER,
    Measuring,
    begun_session,
    check_end,
    left_behind,
    write_scenario,
)

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


NO_COUNT = "C1: requests that the counts do not explain: not measured, no count of server"


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
        ExitCode.OK,
        [],
        settings=PHASES[phase],
        act=SignalInPhase(number, phase),
        printed=[f"its process died ({words})"],
    )


def failing(name: str, env: str, settings: Mapping[str, Any] = MappingProxyType({})) -> Fault:
    """Return the fault of a target that answers well at first: its failures are a result."""
    return Fault(name, ExitCode.OK, [], env, settings, printed=["of its requests failed"])


DEATHS = tuple(death(end, phase) for phase in PHASES for end in ENDS)
"""`test_each_way_to_die_is_a_result_of_its_own_variant` has two of them every time."""

AT_THE_START = (
    *alone_and_after_a_run(
        Fault(
            "does not import",
            ExitCode.TARGET,
            ["error[target-start]", "target | RuntimeError: the database URL is not set"],
            "import",
        )
    ),
    Fault("is not callable", ExitCode.TARGET, ["error["], settings={"app": "sick:NOT_CALLABLE"}, alone=True),
    Fault("exits at start", ExitCode.TARGET, ["error[target-start]", "exit code 3"], "exit at start", alone=True),
)

WRONG_AT_ONCE = (
    *(
        Fault(f"{name} at once", ExitCode.TARGET, ["error[wrong-answer]"], f"{name} at once", alone=True)
        for name in ("closes mid-body", "huge header", "redirects")
    ),
    Fault(
        "nests deeply at once",
        ExitCode.TARGET,
        ["error[wrong-answer]", "body is not JSON"],
        "nests deeply at once",
        {"more": RIGHT_BODY},
        alone=True,
    ),
)

WRONG_AFTER_A_WHILE = (
    Fault(
        "three variants answer wrongly after a while",
        ExitCode.CANNOT_TELL,
        ["error[invalid]", NO_COUNT],
        "wrong status",
        {"more": THREE_VARIANTS},
        alone=True,
        nightly=False,
    ),
    failing("wrong status after a while", "wrong status"),
    failing("wrong body after a while", "wrong body", {"more": RIGHT_BODY}),
    failing("closes mid-body after a while", "closes mid-body"),
    Fault(
        "endless body after a while",
        ExitCode.OK,
        [],
        "endless body",
        {"warmup_s": 0, "drain_s": 2},
        printed=["it hung with"],
    ),
    failing("huge header after a while", "huge header"),
    failing("out of memory", "out of memory"),
)

FAILS_TWICE = {"is not callable", "closes mid-body at once"}
"""The app raises at every request, and both tracebacks are at the end of its log."""

OTHERS = (
    Fault("is frozen", ExitCode.OK, [], "freezes", {"warmup_s": 0, "drain_s": 1}, printed=["it hung with"]),
    Fault(
        "has a worker silently replaced",
        ExitCode.CANNOT_TELL,
        ["T1: server processes more or fewer than were asked for"],
        settings={"workers": 2, "hold_s": 10, "think_time_s": 0.2},
        act=lose_a_worker,
        alone=True,
    ),
    Fault("floods its log", ExitCode.OK, [], "floods its log"),
    Fault("prints escapes and a runner's commands", ExitCode.OK, [], "evil log", printed=["its process died"]),
    Fault("ignores TERM and daemonises", ExitCode.CANNOT_TELL, ["C1"], "deaf daemon"),
)


@table([*AT_THE_START, *DEATHS, *WRONG_AT_ONCE, *WRONG_AFTER_A_WHILE, *OTHERS])
def test_the_target(fault: Fault, finished_run: Callable[[], Path], tmp_path: Path) -> None:
    """A fault of the target ends in its own exit code and words, and nothing finished is lost."""
    ended = fault.check(finished_run, tmp_path)
    assert fault.name in FAILS_TWICE or ended.stderr.count("Traceback") <= 1


class FailureAtOnce(NamedTuple):
    """A variant that fails its verification, and its error."""

    slug: str
    words: str
    fault: str = ""
    path: str = "/faulty"
    timeout_s: float = 60
    app: str = "sick:app"

    def toml(self, name: str) -> str:
        """Return the variant."""
        return variant(name, self.path, self.fault, self.timeout_s) + f'app = "{self.app}"\n'


def variant(name: str, path: str, fault: str, timeout_s: float = 60) -> str:
    """Return a variant whose target has a fault of its own."""
    return (
        f'[[variants]]\nname = "{name}"\npath = "{path}"\ntimeout_s = {timeout_s}\n'
        f'[variants.target]\nenv = {{ FAULT = "{fault}" }}\n'
    )


FAILURES_AT_ONCE: Final[Mapping[str, FailureAtOnce]] = {
    "no attribute": FailureAtOnce("target-start", '"gone" not found', app="sick:gone"),
    "no module": FailureAtOnce("target-start", '"gone"', app="gone:app"),
    "impostor": FailureAtOnce("target-impostor", "", "impostor"),
    "wrong status": FailureAtOnce("wrong-answer", "status 503, expected 200", "wrong status at once"),
    "no answer": FailureAtOnce("no-answer", "no answer within 0.5 s", "at once", "/hangs", 0.5),
    "endless body": FailureAtOnce("no-answer", "", "endless body at once", timeout_s=0.5),
}
NEVER_READY: Final = {"never ready": FailureAtOnce("target-not-ready", "did not answer within 0.5 s", "never ready")}


@pytest.mark.parametrize(("failures", "ready_s"), [(FAILURES_AT_ONCE, 120), (NEVER_READY, 0.5)])
def test_every_failure_before_the_load_has_an_error_of_its_own(
    failures: Mapping[str, FailureAtOnce], ready_s: float, tmp_path: Path
) -> None:
    """One that does not import shows how the command prints it. No target is left behind."""
    file = write_scenario(
        tmp_path, before="\n".join(each.toml(name) for name, each in failures.items()), ready_s=ready_s
    )
    file.write_text(file.read_text().partition('[[variants]]\nname = "faulty"')[0])
    scenario, options, stop = load(file), SessionOptions(), StopWish()
    session = new_session(scenario, make_plan(scenario, 1), tmp_path / "results", options)
    with services.started(scenario.services, session, stop) as running:
        found = dict(failing_variants(_context(scenario, session, stop, lambda _event: None, options, running)))
    errors = {failure.variant: error for failure, error in found.items()}
    assert {name: error.slug for name, error in errors.items()} == {name: each.slug for name, each in failures.items()}
    for name, each in failures.items():
        text = f"{errors[name].what}\n{errors[name].detail}"
        assert each.words in text
        assert text.count("Traceback") <= 1
    assert left_behind(tmp_path) == []


def test_each_way_to_die_is_a_result_of_its_own_variant(tmp_path: Path) -> None:
    """By exit in the drain, by a signal in the hold, and while terminal escapes and a runner's commands are printed."""
    others = variant("crashes", "/fine", "") + variant("evil log", "/faulty", "evil log")
    drain = {**PHASES["drain"], "hold_s": 5, "more": others}
    file = write_scenario(tmp_path, **ALONE, **drain)
    with Measuring(tmp_path, file, "--resume", begun_session(file)) as measuring:
        measuring.wait_for("phase", phase="drain", run=1)
        measuring.signal(SERVER, ENDS["exit"][0])
        run = measuring.wait_for("run_started", variant="crashes")["run"]
        measuring.wait_for("phase", phase="hold", run=run)
        measuring.signal(SERVER, ENDS["SEGV"][0])
        ended = measuring.end()
    check_end(ended, ExitCode.OK)
    for name, end in (("faulty", "exit"), ("crashes", "SEGV"), ("evil log", "exit")):
        line = f"{name}: its process died ({ENDS[end][1]})"
        assert line in ended.stderr, ended.stderr


def test_a_frozen_target_and_a_redirect_under_load_are_failures(tmp_path: Path) -> None:
    """A redirect is not followed: to another origin it would take the scenario's headers along.

    The ramp is long, because a starved target must freeze before the hold.
    """
    redirects = variant("redirects", "/faulty", "redirects")
    file = write_scenario(tmp_path, **ALONE, path="/faulty", spawn_rate=1, warmup_s=0, drain_s=1, more=redirects)
    with Measuring(tmp_path, file, "--resume", begun_session(file), env={"FAULT": "freezes"}) as measuring:
        ended = measuring.end()
    check_end(ended, ExitCode.OK)
    assert "it hung with" in ended.stderr, ended.stderr
    assert "most often with status 302" in ended.stderr
    assert "Server, samples and Locust account for the same" in ended.stderr
