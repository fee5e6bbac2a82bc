"""One run: a fresh target, verified, under one load, recorded and committed. The unit of replication."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import LoopbenchError, TargetError
from loopbench.measure import lines, store, target
from loopbench.measure.canary import measure_canary
from loopbench.measure.counts import Recorded, read_recorded
from loopbench.measure.events import Notify, PhaseBegan, RunFinished, RunProgressed, RunStarted
from loopbench.measure.generators import GeneratorLayout
from loopbench.measure.load import Load
from loopbench.measure.machine import Cores
from loopbench.measure.order import make_order, with_least_window
from loopbench.measure.receipt import ReceiptValue, ask_receipt
from loopbench.measure.sensors import Sensors
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.measure.verify import verify
from loopbench.records import FORMAT_VERSION, probe
from loopbench.records.sensors import SENSORS_FILE
from loopbench.records.session import PlannedRun, RunRecord, file_facts
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario, Variant
from loopbench.secrecy import HIDDEN_VALUE, hidden

LOGS_GLOB: Final = "*.log"


@dataclass(frozen=True)
class RunContext:
    """What all runs of a session share."""

    scenario: Scenario
    folder: Path
    cores: Cores
    layout: GeneratorLayout
    stop: StopWish
    notify: Notify
    explain: bool
    services: RunningServices
    secrets: tuple[str, ...] = ()  # values that no log may keep


@dataclass(frozen=True)
class MeasuredRun:
    """A finished attempt: complete on disk, but not counting before `commit_run`."""

    folder: Path
    record: RunRecord


@dataclass(frozen=True)
class Loaded:
    """The facts of a run after both processes have ended."""

    target: AnyTarget
    load_command: tuple[str, ...]
    load_s: float
    generator_exit: str
    receipt: dict[str, ReceiptValue] | None


def measure_run(context: RunContext, run: PlannedRun, min_window_s: float = 0.0) -> MeasuredRun:
    """Measure one run of the plan. Its folder is complete afterwards, under the name of an attempt.

    Args:
        context: what the session's runs share.
        run: the one to measure.
        min_window_s: for the steady window with all users, if the scenario's is shorter.

    Raises:
        TargetError, GeneratorError: the run failed; its files stay in the attempt's folder and never count.
        InterruptedRunError: a signal asked for the end.
    """
    began, started = time.monotonic(), store.now_iso()
    variant = context.scenario.variant(run.variant)
    with new_attempt(context, run, variant.name) as folder:
        canary_before_s = measure_canary(context.cores.both)
        loaded = _load(context, run, variant, folder, min_window_s)
    canary_after_s = measure_canary(context.cores.both)
    lines.capture_lines(folder, context.scenario.file.parent / context.scenario.target_of(variant).app_dir)
    recorded = read_recorded(folder, loaded.target)
    if recorded.counts.server is None:
        _check_end(context.scenario, recorded.counts.unfinished, loaded.target, folder)
    canaries = canary_before_s, canary_after_s
    record = make_record(context, run, folder, loaded, recorded, started, began, canaries)
    store.finish_run(folder, record)
    return MeasuredRun(folder, record)


@contextmanager
def new_attempt(context: RunContext, run: PlannedRun, name: str) -> Iterator[Path]:
    """Yield the folder of a new attempt; when its processes have ended, remove secrets from its logs and its error.

    If the harness is killed, that attempt's logs stay as they are; they are quoted nowhere and never count.
    """
    context.notify(RunStarted(run, name))
    folder = store.begin_run(context.folder, run.folder)
    try:
        yield folder
    except LoopbenchError as error:
        error.what, error.detail = hidden(error.what, context.secrets), hidden(error.detail, context.secrets)
        error.kept = error.kept or f"what this run left is in {folder}"
        raise
    finally:
        for path in folder.glob(LOGS_GLOB):
            _hide_secrets(path, context.secrets)


def _hide_secrets(path: Path, values: Sequence[str]) -> None:
    log = kept = path.read_bytes()
    for value in values:
        kept = kept.replace(value.encode("utf-8", "surrogateescape"), HIDDEN_VALUE.encode())
    if kept != log:
        path.write_bytes(kept)


def commit_run(context: RunContext, run: PlannedRun, measured: MeasuredRun) -> None:
    """Make a finished attempt count."""
    store.commit_run(measured.folder, run.folder)
    context.notify(RunFinished(measured.record))


def make_record(  # noqa: PLR0913  everything about a run meets here
    context: RunContext,
    run: PlannedRun,
    folder: Path,
    loaded: Loaded,
    recorded: Recorded,
    started: str,
    began_s: float,
    canaries: tuple[float | None, float | None] = (None, None),
) -> RunRecord:
    """Returns `run.json`; the run ends now."""
    return RunRecord(
        format=FORMAT_VERSION,
        number=run.number,
        kind=run.kind,
        round=run.round,
        variant=run.variant,
        attempt=store.attempt_of(folder),
        nonce=loaded.target.nonce,
        started=started,
        wall_s=round(time.monotonic() - began_s, 3),
        load_s=round(loaded.load_s, 3),
        port=loaded.target.port,
        target_command=loaded.target.command,
        load_command=loaded.load_command,
        target_pids=probe.serving_pids(folder),
        target_cpus=context.cores.target,
        generator_cpus=context.cores.generator,
        target_exit="stopped",
        generator_exit=loaded.generator_exit,
        phases=recorded.phases,
        users_started=recorded.users_started,
        counts=recorded.counts,
        canary_before_s=canaries[0],
        canary_after_s=canaries[1],
        services=context.services.facts,
        receipt=loaded.receipt,
        files=file_facts(folder),
    )


def _check_end(scenario: Scenario, unfinished: int, running: AnyTarget, folder: Path) -> None:
    """Raise TargetError for a target that left no count because it died or hung."""
    running.check_end()
    if not unfinished or not running.pids:
        return
    raise TargetError(
        f"the target stopped answering: {unfinished} requests had no answer {scenario.load.drain_s:g} s after the "
        "load, and it did not end when asked to",
        slug="target-hung",
        where=running.url,
        kept=f"what this run left is in {folder}",
        hints=("read target.log in the run's folder", "raise drain_s if its answers may take that long"),
    )


def _load(context: RunContext, run: PlannedRun, variant: Variant, folder: Path, min_window_s: float) -> Loaded:
    """Start the target, verify it, run the load, ask for the receipt, and stop both."""
    settings, nonce = context.scenario.target_of(variant), secrets.token_hex(8)
    with target.started(
        context.scenario,
        settings,
        nonce=nonce,
        folder=folder,
        cpus=context.cores.target,
        stop=context.stop,
        env=context.services.env,
        explain=context.explain,
    ) as running:
        order = make_order(context.scenario, run, nonce=nonce, url=running.url, folder=folder, explain=context.explain)
        order = with_least_window(order, min_window_s)
        verify(running, order.requests)
        began = time.monotonic()
        drain_s = context.scenario.load.drain_s
        with Load(order, folder, drain_s=drain_s, cpus=context.cores.generator, layout=context.layout) as load:
            with _sensors(context, folder, running, load):
                ended = load.watch(_watcher(context, run, running))
            command = load.command
        load_s = time.monotonic() - began
        receipt = ask_receipt(running, variant.receipt, context.stop) if variant.receipt else None
    return Loaded(running, command, load_s, ended, receipt)


def _sensors(context: RunContext, folder: Path, running: AnyTarget, load: Load) -> Sensors:
    return Sensors(
        folder / SENSORS_FILE,
        target_pids=lambda: running.pids,
        generator_pids=lambda: load.pids,
        port=running.port,
        serving_pids=lambda: probe.serving_pids(folder),
        service_pids=lambda: [process.pid for _, process, _ in context.services.processes],
    )


def _watcher(context: RunContext, run: PlannedRun, running: AnyTarget) -> Callable[[LiveView], None]:
    """A function that checks every process and reports progress; called ten times a second."""
    phase = ""

    def check_and_report(view: LiveView) -> None:
        nonlocal phase
        context.stop.check()
        running.check_alive()
        context.services.check_alive()
        if view.phase != phase:
            phase = view.phase
            context.notify(PhaseBegan(run, phase, view.users))
        context.notify(RunProgressed(view))

    return check_and_report
