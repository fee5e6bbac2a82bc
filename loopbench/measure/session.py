"""One session: checks the ground, writes down what is about to happen, and walks the plan."""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import loopbench
from loopbench.errors import EnvironmentRefusedError, LoopbenchError
from loopbench.measure import environment, machine, store
from loopbench.measure.observer import Observer
from loopbench.measure.order import ordered
from loopbench.measure.run import Bench, measure_run
from loopbench.measure.stop import InterruptedRunError, StopWish
from loopbench.plan import Plan
from loopbench.records import FORMAT_VERSION
from loopbench.records.session import RecordedScenario, RecordedVariant, ResolvedTarget, SessionRecord
from loopbench.scenario import Scenario, Variant

LOCK_FILE = "/tmp/loopbench.lock"  # noqa: S108  one for the machine, whoever asks and whatever TMPDIR says


@dataclass(frozen=True)
class SessionOutcome:
    """How far a session came."""

    folder: Path
    finished_runs: int
    interrupted_by: int | None  # a signal's number
    error: LoopbenchError | None  # what ended it before its plan did


def measure_session(
    scenario: Scenario, plan: Plan, results: Path, observer: Observer, *, quick: bool
) -> SessionOutcome:
    """Walk a plan from its first run to its last, or to the first failure, or to a signal.

    Raises:
        EnvironmentRefusedError: before anything was started, results cannot be written or a measurement runs already.
    """
    stop = StopWish()
    with one_at_a_time(), stop.listening():
        folder = store.new_session_folder(results / scenario.name)
        store.write_session(folder, _describe(scenario, plan, quick=quick))
        observer.session_started(scenario, plan, folder)
        bench = Bench(scenario, folder, machine.divide_cores(machine.available_cores()), stop, observer)
        finished, error = 0, None
        try:
            for run in plan.runs:
                stop.check()
                measure_run(bench, run)
                finished += 1
        except InterruptedRunError:
            pass
        except LoopbenchError as problem:
            error = problem
    return SessionOutcome(folder, finished, stop.signal_number, error)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the machine's lock: two measurements at once would measure each other.

    Raises:
        EnvironmentRefusedError: another loopbench holds it.
    """
    descriptor = os.open(LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with contextlib.suppress(PermissionError):  # another user's: it has the right mode already
        os.fchmod(descriptor, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "unknown"
        os.close(descriptor)
        raise EnvironmentRefusedError(
            "another loopbench is measuring on this machine; two at once would measure each other",
            slug="busy",
            where=f"{LOCK_FILE}: held by process {holder}",
            hints=("wait for it to end",),
        ) from None
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _describe(scenario: Scenario, plan: Plan, *, quick: bool) -> SessionRecord:
    return SessionRecord(
        format=FORMAT_VERSION,
        loopbench=loopbench.__version__,
        started=store.now_iso(),
        command=tuple(sys.argv),
        scenario=_recorded_scenario(scenario, quick=quick),
        seed=plan.seed,
        plan=plan.runs,
        machine=machine.facts(),
        packages=machine.package_versions(),
        environment_ignored=environment.ignored(),
    )


def _recorded_scenario(scenario: Scenario, *, quick: bool) -> RecordedScenario:
    load = scenario.load
    return RecordedScenario(
        file=str(scenario.file),
        name=scenario.name,
        title=scenario.title,
        question=scenario.question,
        source=scenario.source,
        neighbours=tuple(request.name for request in scenario.requests),
        variants=tuple(_recorded_variant(scenario, index, each) for index, each in enumerate(scenario.variants)),
        users=load.users,
        spawn_rate=load.spawn_rate,
        hold_s=load.hold_s,
        warmup_s=load.warmup_s,
        think_time_s=load.think_time_s,
        client=load.user,
        quick=quick,
    )


def _recorded_variant(scenario: Scenario, index: int, variant: Variant) -> RecordedVariant:
    target, request = scenario.target_of(variant), ordered(variant)
    return RecordedVariant(
        name=variant.name,
        slug=scenario.slug(index),
        method=request.method,
        path=request.target,
        published_rps=variant.published.rps,
        target=ResolvedTarget(
            app=target.app,
            app_dir=target.app_dir,
            workers=target.workers,
            loop=target.loop,
            http=target.http,
            thread_tokens=target.thread_tokens,
            env_names=tuple(sorted(target.env)),
            python=target.python or "",
        ),
    )
