"""One run: a fresh target, verified, under one load, recorded and committed. The unit of replication."""

import dataclasses
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import LoopbenchError, TargetError
from loopbench.measure import lines, store, target
from loopbench.measure.canary import measure_canary
from loopbench.measure.counts import Recorded, read_recorded
from loopbench.measure.generators import Spread
from loopbench.measure.load import Load
from loopbench.measure.machine import Cores
from loopbench.measure.observer import Observer
from loopbench.measure.order import make_order, with_least_window
from loopbench.measure.receipt import ReceiptValue, ask_receipt
from loopbench.measure.secret_logs import hidden_secrets
from loopbench.measure.sensors import Sensors
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.records import FORMAT_VERSION, probe
from loopbench.records.sensors import SENSORS_FILE
from loopbench.records.session import PlannedRun, RunRecord, file_facts
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario, Variant


@dataclass(frozen=True)
class Bench:
    """What all runs of a session share."""

    scenario: Scenario
    folder: Path
    cores: Cores
    spread: Spread
    stop: StopWish
    observer: Observer
    explain: bool
    services: RunningServices
    secrets: tuple[str, ...] = ()  # what no log may keep


@dataclass(frozen=True)
class MeasuredRun:
    """A finished attempt: complete on disk, but not counting before `commit_run`."""

    folder: Path
    record: RunRecord


@dataclass(frozen=True)
class Loaded:
    """What is known when both processes have ended."""

    target: AnyTarget
    load_command: tuple[str, ...]
    load_s: float
    generator_exit: str
    receipt: dict[str, ReceiptValue] | None


def measure_run(bench: Bench, run: PlannedRun, least_window_s: float = 0.0) -> MeasuredRun:
    """Walk one line of the plan. What it left is complete afterwards, under the name of an attempt.

    Args:
        bench: what the session's runs share.
        run: the line.
        least_window_s: of the steady window with all users, where the scenario's may be too short.

    Raises:
        TargetError, GeneratorError: the run failed; what it left stays in its attempt's folder and never counts.
        InterruptedRunError: a signal asked for the end.
    """
    began, started = time.monotonic(), store.now_iso()
    variant = bench.scenario.variant(run.variant)
    bench.observer.run_started(run, variant.name)
    folder = store.begin_run(bench.folder, run.folder)
    canary_before_s = measure_canary(bench.cores.both)
    try:
        with hidden_secrets(folder, bench.secrets):
            loaded = _load(bench, run, variant, folder, least_window_s)
    except LoopbenchError as error:
        error.kept = error.kept or f"what this run left is in {folder}"
        raise
    canary_after_s = measure_canary(bench.cores.both)
    lines.capture_lines(folder, bench.scenario.file.parent / bench.scenario.target_of(variant).app_dir)
    recorded = read_recorded(folder, loaded.target)
    if recorded.counts.server is None:
        _check_end(bench.scenario, recorded.counts.unfinished, loaded.target, folder)
    record = dataclasses.replace(
        make_record(bench, run, folder, loaded, recorded),
        started=started,
        wall_s=round(time.monotonic() - began, 3),
        canary_before_s=canary_before_s,
        canary_after_s=canary_after_s,
    )
    store.finish_run(folder, record)
    return MeasuredRun(folder, record)


def commit_run(bench: Bench, run: PlannedRun, measured: MeasuredRun) -> None:
    """Make a finished attempt count."""
    store.commit_run(measured.folder, run.folder)
    bench.observer.run_finished(measured.record)


def make_record(bench: Bench, run: PlannedRun, folder: Path, loaded: Loaded, recorded: Recorded) -> RunRecord:
    """Everything `run.json` says, but for when the run began, how long it took in all, and the canaries around it."""
    return RunRecord(
        format=FORMAT_VERSION,
        number=run.number,
        kind=run.kind,
        round=run.round,
        variant=run.variant,
        attempt=store.attempt_of(folder),
        nonce=loaded.target.nonce,
        started="",
        wall_s=0.0,
        load_s=round(loaded.load_s, 3),
        port=loaded.target.port,
        target_command=loaded.target.command,
        load_command=loaded.load_command,
        target_pids=probe.serving_pids(folder),
        target_cpus=bench.cores.target,
        generator_cpus=bench.cores.generator,
        target_exit="stopped",
        generator_exit=loaded.generator_exit,
        phases=recorded.phases,
        users_started=recorded.users_started,
        counts=recorded.counts,
        canary_before_s=None,
        canary_after_s=None,
        services=bench.services.facts,
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


def _load(bench: Bench, run: PlannedRun, variant: Variant, folder: Path, least_window_s: float) -> Loaded:
    """Start the target, verify it, put the load on it, ask what came of it, stop both."""
    settings, nonce = bench.scenario.target_of(variant), secrets.token_hex(8)
    with target.started(
        bench.scenario,
        settings,
        nonce=nonce,
        folder=folder,
        cpus=bench.cores.target,
        stop=bench.stop,
        env=bench.services.env,
        explain=bench.explain,
    ) as running:
        order = make_order(bench.scenario, run, nonce=nonce, url=running.url, folder=folder, explain=bench.explain)
        order = with_least_window(order, least_window_s)
        target.verify(running, order.requests)
        began = time.monotonic()
        drain_s = bench.scenario.load.drain_s
        with Load(order, folder, drain_s=drain_s, cpus=bench.cores.generator, spread=bench.spread) as load:
            with _sensors(bench, folder, running, load):
                ended = load.watch(lambda view: _look(bench, running, view))
            command = load.command
        load_s = time.monotonic() - began
        receipt = ask_receipt(running, variant.receipt, bench.stop) if variant.receipt else None
    return Loaded(running, command, load_s, ended, receipt)


def _sensors(bench: Bench, folder: Path, running: AnyTarget, load: Load) -> Sensors:
    return Sensors(
        folder / SENSORS_FILE,
        target_pids=lambda: running.pids,
        generator_pids=lambda: load.pids,
        port=running.port,
        serving_pids=lambda: probe.serving_pids(folder),
        service_pids=lambda: [process.pid for _, process, _ in bench.services.processes],
    )


def _look(bench: Bench, running: AnyTarget, view: LiveView) -> None:
    """Ten times a second: is everybody still there?"""
    bench.stop.check()
    running.check_alive()
    bench.services.check_alive()
    bench.observer.run_progressed(view)
