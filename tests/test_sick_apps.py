"""Every sickness, really: each app under uvicorn with the probe aboard and real users, and the diagnosis it gets.

The users are raw connections of this process (`closed_loop_users`), not Locust: a run then costs two seconds.
"""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from loopbench.judge.diagnosis.diagnosis import Diagnosis, diagnose
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_figures import loop_figures
from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.judge.run.load_figures import Window
from loopbench.judge.run.probe_log import read_probe_logs
from loopbench.measure.lines import capture_lines
from loopbench.records.source_lines import read_lines
from tests.closed_loop_users import Seen, ask
from tests.probe.target import PROBE_FOLDER, Target, running

pytestmark = pytest.mark.real

APPS = Path(__file__).resolve().parent / "sick_apps"
PACKAGES = {
    "fakeclient.Metered": APPS / "site-packages/fakeclient/__init__.py",
    "faketimer": APPS / "site-packages/faketimer/__init__.py",
    "fakeshop": APPS / "site-packages/fakeshop/__init__.py",
}
"""What an app must name to share their guilt."""
LOAD_S = 2.1
AT_ONCE = 40


class Label(NamedTuple):
    """What an app has to be diagnosed with."""

    app: str
    kind: Kind
    remedy: str = ""  # part of the first remedies
    users: int = AT_ONCE
    think_s: float = 0.0
    linger_s: float = 0.0  # after the last answer, before the server is stopped
    or_kind: Kind | None = None
    users_per_s: float | None = None  # None: all at once
    load_s: float = LOAD_S
    loop: str = ""  # empty: one or the other, in turn


LABELS = (
    Label("sleep_in_async_def", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("blocking_http", Kind.BLOCKED_LOOP, "httpx.AsyncClient"),
    Label("subprocess_in_async_def", Kind.BLOCKED_LOOP, "create_subprocess_exec"),
    Label("dependency", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("base_http_middleware", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("asgi_middleware", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("lifespan_task", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("package_client", Kind.BLOCKED_LOOP, "async equivalent"),
    Label("package_middleware", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("blocking_background", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("class_endpoint", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("mounted_app", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("router", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("generated_code", Kind.BLOCKED_LOOP, "async equivalent"),
    Label("streaming", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("validator", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("thread_lock", Kind.BLOCKED_LOOP, "asyncio.Lock"),
    Label("sync_file", Kind.BLOCKED_LOOP, "plain `def`", or_kind=Kind.LOOP_OUT_OF_CPU),  # where the disk is memory
    Label("sqlite_in_async_def", Kind.LOOP_OUT_OF_CPU, "async driver"),
    Label("cpu_in_async_def", Kind.LOOP_OUT_OF_CPU, "ProcessPoolExecutor"),
    Label("c_call_in_async_def", Kind.LOOP_OUT_OF_CPU, "gives up the GIL"),
    Label("short_steps", Kind.LOOP_OUT_OF_CPU, "more workers", loop="uvloop"),
    Label("short_and_rare", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("installed_app", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("package_send", Kind.BLOCKED_LOOP, "await asyncio.sleep"),
    Label("included_rows", Kind.LOOP_OUT_OF_CPU, "answer less at a time", loop="asyncio"),
    Label("included_rows", Kind.LOOP_OUT_OF_CPU, "answer less at a time", loop="uvloop"),
    Label("mounted_rows", Kind.LOOP_OUT_OF_CPU, "answer less at a time"),
    Label("endpoint_object", Kind.LOOP_OUT_OF_CPU, "answer less at a time"),
    Label("template_rows", Kind.LOOP_OUT_OF_CPU, ""),
    Label("collected_often", Kind.GC_PAUSES, "gc.freeze()"),
    Label("huge_answer", Kind.LOOP_OUT_OF_CPU, "answer less at a time"),
    Label("client_per_request", Kind.LOOP_OUT_OF_CPU, "one client in the lifespan"),
    Label("sync_background", Kind.BACKGROUND_BACKLOG, "bound the work", users=10, think_s=0.02, linger_s=1.2),
    Label("tasks_pile_up", Kind.BACKGROUND_BACKLOG, "bound the work", users=10, think_s=0.02, linger_s=1.2),
    Label("def_waits", Kind.ANYIO_QUEUE, "async equivalent", users=80),
    Label("to_thread_waits", Kind.EXECUTOR_QUEUE, "async equivalent"),
    Label("def_computes", Kind.GIL_FIGHT, "processes"),
    Label("lock_over_await", Kind.DOWNSTREAM, ""),
    Label("async_wait", Kind.DOWNSTREAM, "more users"),
    Label("hello", Kind.LOOP_OUT_OF_CPU, "more workers", users=20),
    Label("hello", Kind.NOTHING_LIMITS, "more users", users=10, think_s=0.1),
)

RAMP = Label("sleep_in_async_def", Kind.BLOCKED_LOOP, users=100, users_per_s=10, load_s=10.0)

COMPUTING = {Kind.LOOP_OUT_OF_CPU, Kind.GIL_FIGHT, Kind.GC_PAUSES}
AT_A_TIME = 5
MORE_TRIES = 2
"""A shared machine starves an app now and then, and two seconds are then diagnosed with that. Such a one is tried
again, alone; a rule that is wrong is wrong every time."""


def named(label: Label) -> str:
    """The test's name."""
    return f"{label.app}, {label.kind}{label.loop and f', {label.loop}'}"


@pytest.fixture(scope="module")
def diagnoses(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[Label, Diagnosis]:
    """Of all that are asked for: those that mostly sleep three at a time, the others alone."""
    selected = [getattr(item, "callspec", None) for item in request.session.items if item.parent is request.node]
    labels = [spec.params["label"] for spec in selected if spec is not None and "label" in spec.params]
    sleepy = sorted((label for label in labels if label.kind not in COMPUTING), key=lambda label: -label.load_s)

    def measure(label: Label) -> tuple[Label, Diagnosis]:
        turn = "uvloop" if label is RAMP or LABELS.index(label) % 2 else "asyncio"
        return label, measured(tmp_path_factory.mktemp(label.app), label, label.loop or turn)

    tmp_path_factory.getbasetemp()  # made once, before several threads ask for it
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = dict(pool.map(measure, sleepy))
    found |= dict(measure(label) for label in labels if label not in sleepy)
    for _ in range(MORE_TRIES):
        found |= dict(measure(label) for label in labels if label is not RAMP and wrong(label, found[label]))
    return found


@pytest.mark.parametrize("label", LABELS, ids=named)
def test_every_app_gets_its_class_its_line_and_what_to_do(diagnoses: dict[Label, Diagnosis], label: Label) -> None:
    diagnosis = diagnoses[label]
    assert not wrong(label, diagnosis), f"{wrong(label, diagnosis)}: {told(diagnosis)}"


def wrong(label: Label, diagnosis: Diagnosis) -> str:
    """What is wrong with a diagnosis; empty if nothing is."""
    if diagnosis.kind not in {label.kind, label.or_kind}:
        return "the class"
    if not any(label.remedy in remedy for remedy in diagnosis.remedies[:3]):
        return "what to do"
    if guilty := guilty_lines(label.app):
        found = diagnosis.guilty
        return "" if found is not None and (found.file, found.line) in guilty else "the line"
    blamed = [line for line in diagnosis.lines if line.blocked and line.owner is not Owner.LIBRARY]
    return "a line without guilt" if sum(line.seconds for line in blamed) >= 0.1 * label.load_s else ""


@pytest.mark.parametrize("label", [RAMP], ids=named)
def test_users_never_served_are_counted_when_a_blocking_handler_meets_a_ramp_on_uvloop(
    diagnoses: dict[Label, Diagnosis], label: Label
) -> None:
    """After T seconds of blocks of B seconds about sqrt(2 T / B) users have been served: 32 of 100 here."""
    diagnosis = diagnoses[label]
    assert diagnosis.figures is not None
    load = diagnosis.figures.load
    assert load.users >= 95, "the users came"
    assert 60 <= load.never_served <= 80, load
    assert diagnosis.kind == Kind.BLOCKED_LOOP
    (starved,) = [finding for finding in diagnosis.also if finding.kind == Kind.ACCEPT_STARVATION]
    assert f"{load.never_served} of {load.users} users never had an answer" in starved.sentence


def measured(folder: Path, label: Label, loop: str) -> Diagnosis:
    """Serve the app, let the users ask, diagnose."""
    with served(folder, label.app, loop) as target:
        target.ask("/")  # the first answer of a process imports and compiles a lot
        before_s = waited_for_processor_s(target.process.pid)
        seen = ask(target.port, label.users, label.load_s, users_per_s=label.users_per_s, think_s=label.think_s)
        waited_s = waited_for_processor_s(target.process.pid) - before_s
        time.sleep(label.linger_s)
        target.stop(signal.SIGTERM)
    return judged(folder, seen, waited_s)


def served(folder: Path, app: str, loop: str) -> AbstractContextManager[Target]:
    """One of the apps under uvicorn, with the probe aboard."""
    hook = f"loopbench_probe:new_{loop}_loop"
    command = ["-m", "uvicorn", f"{app}:app", "--app-dir", str(APPS), "--loop", hook, "--log-level", "error"]
    options = ["--timeout-graceful-shutdown", "1"]
    return running(Target(folder, [*command, *options], {"PYTHONPATH": str(PROBE_FOLDER)}))


def judged(folder: Path, seen: Seen, waited_s: float) -> Diagnosis:
    """As `diagnose_run` does with a run's folder."""
    capture_lines(folder, APPS)
    samples = seen.samples()
    window = Window(0.0, seen.ended_s - seen.origin_s)
    logs, sources = read_probe_logs(folder), read_lines(folder)
    queued = waited_s / window.width_s
    return diagnose(loop_figures(logs, samples, window, seen.origin_s, sources=sources, run_queue=queued))


def waited_for_processor_s(pid: int) -> float:
    """How long the main thread was ready while another had its processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def guilty_lines(app: str) -> set[tuple[str, int]]:
    """Where the app, or the package it uses, says `# guilty`."""
    text = (APPS / f"{app}.py").read_text()
    files = [APPS / f"{app}.py", *(file for name, file in PACKAGES.items() if name in text)]
    return {
        (str(file), number)
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if "# guilty" in line
    }


def told(diagnosis: Diagnosis) -> str:
    """For a failing test: everything there is to know."""
    parts = [f"{diagnosis.kind}: {diagnosis.sentence}", *(evidence.text for evidence in diagnosis.evidence)]
    parts += [f"also {finding.kind}: {finding.sentence}" for finding in diagnosis.also]
    lines = diagnosis.figures.lines if diagnosis.figures else ()
    parts += [
        f"{line.owner} {line.place} <- {line.inner_file}:{line.inner_line} blocked={line.blocked} "
        f"{line.seconds:.3f} s, cpu {line.cpu_s}"
        for line in lines[:5]
    ]
    figures = "" if diagnosis.figures is None else str(replace(diagnosis.figures, lines=()))
    return "\n".join([*parts, *diagnosis.remedies, figures])
