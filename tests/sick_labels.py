"""The sick apps, each with the diagnosis it has to get; and how one is served, loaded and judged.

The users are raw connections of this process (`closed_loop_users`), not Locust: a run then takes two seconds.
"""

import contextlib
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from loopbench.judge.diagnosis.diagnosis import Diagnosis, diagnose
from loopbench.judge.diagnosis.findings import Kind
from loopbench.judge.diagnosis.loop_figures import loop_figures
from loopbench.judge.diagnosis.loop_lines import Owner
from loopbench.measure.lines import capture_lines
from loopbench.records.session import TARGET_LOG, Phase
from tests.closed_loop_users import Load, Seen, ask
from tests.judge.made_run import made_run, queued
from tests.probe.target import PROBE_FOLDER, Target, running

APPS: Final = Path(__file__).resolve().parent / "sick_apps"
PACKAGES: Final = {
    "fakeclient.Metered": "site-packages/fakeclient/__init__.py",
    "faketimer": "site-packages/faketimer/__init__.py",
    "fakeshop": "site-packages/fakeshop/__init__.py",
}
"""A word in an app's source, and the package whose lines are then guilty too."""
LOAD_S: Final = 2.1
USERS: Final = 40


class Label(NamedTuple):
    """What an app has to be diagnosed with."""

    app: str
    kind: Kind
    remedy: str = ""  # part of the first remedies
    users: int = USERS
    think_s: float = 0.0
    linger_s: float = 0.0  # after the last answer, before the server is stopped
    or_kind: Kind | None = None
    users_per_s: float | None = None  # None: all at once
    load_s: float = LOAD_S
    loop: str = "uvloop"
    live: bool = False  # measured in every test run; the others nightly
    paths: tuple[str, ...] = ("/",)  # asked in turn; the first is the variant's, the others are neighbours
    timeout_s: float = 60.0
    env: tuple[str, ...] = ()  # NAME=VALUE
    workers: int = 1
    settle_s: float = 0.0  # from the first user on, before the window that is diagnosed

    @property
    def slug(self) -> str:
        """A name for files and tests."""
        path = self.paths[0].replace("/", "-").rstrip("-")
        workers = "" if self.workers == 1 else f"-{self.workers}-workers"
        return "-".join([f"{self.app}{path}-{self.loop}{workers}", *self.env]).replace("_", "-").lower()

    @property
    def load(self) -> Load:
        """What its users do."""
        return Load(self.users, self.load_s, self.users_per_s, self.think_s, self.paths, self.timeout_s)


RAMP: Final = Label(
    "sleep_in_async_def", Kind.LOOP_BLOCKED, "await asyncio.sleep", users=100, users_per_s=10, load_s=10.0, live=True
)
"""uvloop accepts one connection an iteration: after T seconds of blocks of B seconds sqrt(2 T / B) users are served."""


def reported(app: str, path: str, kind: Kind, remedy: str = "", **others: Any) -> Label:
    """An app from a public report (docs/diagnosis.md): its users come one after the other and stay a while."""
    usual: dict[str, Any] = {
        "users": 100,
        "users_per_s": 40,
        "settle_s": 3.0,
        "load_s": 7.0,
        "think_s": 0.2,
        "linger_s": 1.2,
        "timeout_s": 15.0,
        "paths": (path, "/hello"),
    }
    return Label(app, kind, remedy, **{**usual, **others})


REPORTED: Final = (
    reported("nested_acquire", "/nested", Kind.ENDLESS_WAIT, "", timeout_s=2.0, think_s=0.05),
    reported("nested_acquire", "/single", Kind.NO_BOTTLENECK, "", users=20),
    reported("health_in_threads", "/chat", Kind.ANYIO_POOL_SATURATED, "async"),
    reported("health_in_threads", "/chat", Kind.ANYIO_POOL_SATURATED, "async", env=("FIXED=1",)),
    reported("names_in_executor", "/orm", Kind.EXECUTOR_SATURATED, "", loop="asyncio", paths=("/orm", "/resolve")),
    reported("names_in_executor", "/orm", Kind.EXECUTOR_SATURATED, "", paths=("/orm", "/resolve")),
    reported(
        "names_in_executor", "/orm", Kind.APP_POOL, "", loop="asyncio", paths=("/orm", "/resolve"), env=("FIXED=1",)
    ),
    reported("large_answer", "/report", Kind.LOOP_CPU_BOUND, "answer less", users=50),
    reported("small_chunks", "/sync", Kind.THREAD_HOPS, "larger chunks", users=40),
    reported("small_chunks", "/async", Kind.NO_BOTTLENECK, "", users=10),
    reported("small_chunks", "/batched", Kind.NO_BOTTLENECK, "", users=10),
    reported("server_limit", "/work", Kind.ANSWERS_FAIL, "--limit-concurrency", env=("UVICORN_LIMIT_CONCURRENCY=40",)),
    reported("server_limit", "/work", Kind.NO_BOTTLENECK, ""),
    reported("session_in_async_def", "/order", Kind.LOOP_BLOCKED, "", timeout_s=5.0),
    reported("session_in_async_def", "/order_def", Kind.NO_BOTTLENECK, "", users=40),
    reported(
        "session_in_async_def", "/order_def", Kind.APP_POOL, "give the connection back", think_s=0.0, loop="asyncio"
    ),
    reported("async_session_pool", "/held", Kind.APP_POOL, "give the connection back"),
    reported("async_session_pool", "/given_back", Kind.NO_BOTTLENECK, "", users=15),
    reported("streamed_with_session", "/stream", Kind.APP_POOL, "give the connection back"),
    reported("streamed_with_session", "/closed", Kind.NO_BOTTLENECK, "", users=15),
    reported("client_pool", "/small", Kind.APP_POOL, "limits", users=40),
    reported("client_pool", "/large", Kind.NO_BOTTLENECK, "", users=8),
    reported("answer_not_ended", "/work", Kind.CONNECTION_HELD, "end the answer", users=40, think_s=0.0),
    reported("spinning", "/", Kind.SPINNING, "wait for an event", users=5, loop="asyncio", paths=("/",), linger_s=2.5),
    reported("lines_of_a_file", "/lines", Kind.THREAD_HOPS, "one hop", users=60, think_s=0.0),
    reported("lines_of_a_file", "/whole", Kind.NO_BOTTLENECK, "", users=10),
    reported("body_read_twice", "/body", Kind.ENDLESS_WAIT, "timeout", users=30),
    reported("result_of_own_loop", "/wrong", Kind.LOOP_BLOCKED, "await", users=20),
    reported("result_of_own_loop", "/right", Kind.NO_BOTTLENECK, "", users=10),
    reported("two_lines", "/", Kind.LOOP_BLOCKED, "", users=30, think_s=0.0, loop="asyncio"),
    reported("orm_objects", "/", Kind.LOOP_CPU_BOUND, "load fewer", users=3, think_s=0.0, paths=("/",)),
    reported("streams_not_closed", "/leaking", Kind.ENDLESS_WAIT, "close or read", users=60),
    reported("streams_not_closed", "/closing", Kind.NO_BOTTLENECK, "", users=8),
    reported("thread_lock_over_await", "/locked", Kind.LOOP_BLOCKED, "asyncio.Lock", users=30),
    reported("semaphore_of_ten", "/limited", Kind.APP_POOL, "hold it for a shorter time", think_s=0.05),
    reported("own_limiter", "/", Kind.APP_POOL, "hold it for a shorter time", users=60, think_s=0.05),
    reported("short_sleep", "/", Kind.LOOP_BLOCKED, "await asyncio.sleep", users=30, paths=("/",)),
    reported("raises", "/user", Kind.ANSWERS_FAIL, "", users=30),
    reported("hello", "/", Kind.DELAYED_ACK, "uvloop", users=5, think_s=0.0, loop="asyncio", paths=("/",), workers=2),
)
"""Broken and fixed forms of public reports."""

LABELS: Final = (
    Label("sleep_in_async_def", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("blocking_http", Kind.LOOP_BLOCKED, "httpx.AsyncClient"),
    Label("subprocess_in_async_def", Kind.LOOP_BLOCKED, "create_subprocess_exec", loop="asyncio"),
    Label("dependency", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("base_http_middleware", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("asgi_middleware", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("lifespan_task", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("package_client", Kind.LOOP_BLOCKED, "async equivalent"),
    Label("package_middleware", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("blocking_background", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("class_endpoint", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("mounted_app", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("router", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("generated_code", Kind.LOOP_BLOCKED, "async equivalent"),
    Label("streaming", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("validator", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("thread_lock", Kind.LOOP_BLOCKED, "asyncio.Lock", loop="asyncio"),
    Label("sync_file", Kind.LOOP_BLOCKED, "plain `def`", or_kind=Kind.LOOP_CPU_BOUND),  # where the disk is memory
    Label("sqlite_in_async_def", Kind.LOOP_CPU_BOUND, "async driver", loop="asyncio"),
    Label("cpu_in_async_def", Kind.LOOP_CPU_BOUND, "ProcessPoolExecutor", live=True),
    Label("c_call_in_async_def", Kind.LOOP_CPU_BOUND, "gives up the GIL", loop="asyncio"),
    Label("short_steps", Kind.LOOP_CPU_BOUND, "more workers"),
    Label("short_and_rare", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("installed_app", Kind.LOOP_BLOCKED, "await asyncio.sleep"),
    Label("package_send", Kind.LOOP_BLOCKED, "await asyncio.sleep", loop="asyncio"),
    Label("included_rows", Kind.LOOP_CPU_BOUND, "answer less at a time", loop="asyncio"),
    Label("included_rows", Kind.LOOP_CPU_BOUND, "answer less at a time", loop="uvloop"),
    Label("mounted_rows", Kind.LOOP_CPU_BOUND, "answer less at a time"),
    Label("endpoint_object", Kind.LOOP_CPU_BOUND, "answer less at a time", loop="asyncio"),
    Label("template_rows", Kind.LOOP_CPU_BOUND, ""),
    Label("collected_often", Kind.GC_PAUSES, "gc.freeze()", loop="asyncio", live=True),
    Label("huge_answer", Kind.LOOP_CPU_BOUND, "answer less at a time"),
    Label("client_per_request", Kind.LOOP_CPU_BOUND, "one client in the lifespan", loop="asyncio"),
    Label("sync_background", Kind.BACKGROUND_BACKLOG, "bound the work", users=10, think_s=0.02, linger_s=1.2),
    Label(
        "tasks_pile_up",
        Kind.BACKGROUND_BACKLOG,
        "bound the work",
        users=10,
        think_s=0.02,
        linger_s=1.2,
        loop="asyncio",
        live=True,
    ),
    Label("def_waits", Kind.ANYIO_POOL_SATURATED, "async equivalent", users=80, live=True),
    Label("to_thread_waits", Kind.EXECUTOR_SATURATED, "async equivalent", loop="asyncio", live=True),
    Label("def_computes", Kind.GIL_CONTENTION, "processes", live=True),
    Label("lock_over_await", Kind.APP_POOL, "hold it for a shorter time", loop="asyncio", live=True),
    Label("async_wait", Kind.DOWNSTREAM_WAIT, "more users", live=True),
    Label("hello", Kind.LOOP_CPU_BOUND, "more workers", users=20, loop="asyncio"),
    Label("hello", Kind.NO_BOTTLENECK, "more users", users=10, think_s=0.1, live=True),
    *REPORTED,
    RAMP,
)


class Sighting(NamedTuple):
    """What was seen of one served app, beside the files that its probe left."""

    seen: Seen
    run_queue: float
    """Share of the load's time in which the loop's thread was ready while another thread had its CPU."""

    def diagnosis(self, folder: Path, label: Label) -> Diagnosis:
        """As `diagnose_run` makes it from a run's folder."""
        origin_s, width_s = self.seen.origin_s, self.seen.ended_s - self.seen.origin_s
        sensors = queued(self.run_queue, origin_s, width_s)
        samples = self.seen.samples(label.paths)
        run = made_run(folder, origin_s, samples=samples, sensors=sensors)
        return diagnose(loop_figures(run, Phase("hold", label.settle_s, width_s)))


def measured(folder: Path, label: Label) -> Sighting:
    """Serve the app and let the users ask; its probe's files are in the folder then."""
    with _served(folder, label) as target:
        for path in label.paths[label.kind is Kind.ENDLESS_WAIT :]:
            target.ask(path)  # the first answer of a process imports and compiles a lot
        before_s = _ready_but_waiting_s(target.process.pid)
        seen = ask(target.port, label.load)
        waited_s = _ready_but_waiting_s(target.process.pid) - before_s
        time.sleep(label.linger_s)
        with contextlib.suppress(subprocess.TimeoutExpired):  # a hung target is killed when it is left
            target.stop(signal.SIGTERM, timeout_s=5.0)
    capture_lines(folder, APPS)
    return Sighting(seen, waited_s / (seen.ended_s - seen.origin_s))


def _served(folder: Path, label: Label) -> AbstractContextManager[Target]:
    hook = f"loopbench_probe:new_{label.loop}_loop"
    command = ["-m", "uvicorn", f"{label.app}:app", "--app-dir", str(APPS), "--loop", hook, "--log-level", "warning"]
    options = ["--timeout-graceful-shutdown", "1", "--workers", str(label.workers)]
    environ = {"PYTHONPATH": str(PROBE_FOLDER), **dict(each.split("=", 1) for each in label.env)}
    return running(Target(folder, [*command, *options], environ, traced=False, log=folder / TARGET_LOG))


def _ready_but_waiting_s(pid: int) -> float:
    """Seconds in which the main thread was ready to run while another thread had its CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def wrong(label: Label, diagnosis: Diagnosis, apps: Path) -> str:
    """What is wrong with a diagnosis; empty if nothing is.

    Args:
        label: what it should be.
        diagnosis: what it is.
        apps: where the apps' sources were when they ran.
    """
    if diagnosis.kind not in {label.kind, label.or_kind}:
        return "the class"
    if not any(label.remedy in remedy for remedy in diagnosis.remedies[:3]):
        return "the advice"
    if label.kind is not Kind.NO_BOTTLENECK and (guilty := guilty_lines(label, apps)):
        found = diagnosis.guilty
        return "" if found is not None and (found.file, found.line) in guilty else "the line"
    blamed = [line for line in diagnosis.lines if line.blocked and line.owner is not Owner.LIBRARY]
    return "a line without guilt" if sum(line.seconds for line in blamed) >= 0.1 * label.load_s else ""


def guilty_lines(label: Label, apps: Path) -> set[tuple[str, int]]:
    """File and number of each line of the app, or of the package it uses, that is marked `# guilty`.

    A mark with a path (`# guilty /slow`) is for labels that ask this path.
    """
    text = (APPS / f"{label.app}.py").read_text(encoding="utf-8")
    names = [f"{label.app}.py", *(file for word, file in PACKAGES.items() if word in text)]
    marks = ("# guilty", f"# guilty {label.paths[0]}")
    return {
        (str(apps / name), number)
        for name in names
        for number, line in enumerate((APPS / name).read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith(marks)
    }


def everything(diagnosis: Diagnosis) -> str:
    """All that is known of a diagnosis, for the message of a failing test."""
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
