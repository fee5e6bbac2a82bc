"""One run: a fresh target, verified, under one load, recorded and committed. The unit of replication."""

import dataclasses
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from loopbench.errors import LoopbenchError, TargetError
from loopbench.measure import store, target
from loopbench.measure.counts import Recorded, read_recorded
from loopbench.measure.load import Load
from loopbench.measure.machine import Cores
from loopbench.measure.observer import Observer
from loopbench.measure.order import make_order
from loopbench.measure.stop import StopWish
from loopbench.measure.target import RunningTarget
from loopbench.records import FORMAT_VERSION, probe
from loopbench.records.session import PlannedRun, RunRecord, file_facts
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario, Variant


@dataclass(frozen=True)
class Bench:
    """What all runs of a session share."""

    scenario: Scenario
    folder: Path
    cores: Cores
    stop: StopWish
    observer: Observer


@dataclass(frozen=True)
class _Loaded:
    """What is known when both processes have ended."""

    target: RunningTarget
    load_command: tuple[str, ...]
    load_s: float
    generator_exit: str


def measure_run(bench: Bench, run: PlannedRun) -> RunRecord:
    """Walk one line of the plan. Its folder is there afterwards, complete.

    Raises:
        TargetError, GeneratorError: the run failed; what it left stays in its attempt's folder and never counts.
        InterruptedRunError: a signal asked for the end.
    """
    began, started = time.monotonic(), store.now_iso()
    variant = _variant(bench.scenario, run)
    bench.observer.run_started(run, variant.name)
    folder = store.begin_run(bench.folder, run.folder)
    nonce = secrets.token_hex(8)
    try:
        loaded = _load(bench, run, variant, nonce, folder)
    except LoopbenchError as error:
        error.kept = error.kept or f"what this run left is in {folder}"
        raise
    recorded = read_recorded(folder, loaded.target.harness_requests)
    if recorded.counts.unfinished and recorded.counts.server is None:
        raise _hung(bench.scenario, recorded.counts.unfinished, loaded.target, folder)
    record = dataclasses.replace(
        _record(bench, run, folder, loaded, recorded), started=started, wall_s=round(time.monotonic() - began, 3)
    )
    store.commit_run(folder, record, run.folder)
    bench.observer.run_finished(record)
    return record


def _record(bench: Bench, run: PlannedRun, folder: Path, loaded: _Loaded, recorded: Recorded) -> RunRecord:
    """Everything `run.json` says, but for when the run began and how long it took in all."""
    return RunRecord(
        format=FORMAT_VERSION,
        number=run.number,
        kind=run.kind,
        variant=run.variant,
        attempt=store.attempt_of(folder),
        nonce=loaded.target.nonce,
        started="",
        wall_s=0.0,
        load_s=round(loaded.load_s, 3),
        port=loaded.target.port,
        target_command=loaded.target.process.command,
        load_command=loaded.load_command,
        target_pids=probe.serving_pids(folder),
        target_cpus=bench.cores.target,
        generator_cpus=bench.cores.generator,
        target_exit="stopped",
        generator_exit=loaded.generator_exit,
        phases=recorded.phases,
        users_started=recorded.users_started,
        counts=recorded.counts,
        files=file_facts(folder),
    )


def _hung(scenario: Scenario, unfinished: int, running: RunningTarget, folder: Path) -> TargetError:
    return TargetError(
        f"the target stopped answering: {unfinished} requests had no answer {scenario.load.drain_s:g} s after the "
        "load, and it did not end when asked to",
        slug="target-hung",
        where=running.url,
        kept=f"what this run left is in {folder}",
        hints=("read target.log in the run's folder", "raise drain_s if its answers may take that long"),
    )


def _variant(scenario: Scenario, run: PlannedRun) -> Variant:
    slugs = [scenario.slug(index) for index in range(len(scenario.variants))]
    return scenario.variants[slugs.index(run.variant)]


def _load(bench: Bench, run: PlannedRun, variant: Variant, nonce: str, folder: Path) -> _Loaded:
    """Start the target, verify it, put the load on it, stop both."""
    settings = bench.scenario.target_of(variant)
    with target.started(
        bench.scenario, settings, nonce=nonce, folder=folder, cpus=bench.cores.target, stop=bench.stop
    ) as running:
        order = make_order(bench.scenario, variant, run, nonce=nonce, url=running.url, folder=folder)
        target.verify(running, order.requests)

        def between(view: LiveView) -> None:
            bench.stop.check()
            running.check_alive()
            bench.observer.run_progressed(view)

        began = time.monotonic()
        with Load(order, folder, drain_s=bench.scenario.load.drain_s, cpus=bench.cores.generator) as load:
            ended = load.watch(between)
            command = load.command
        load_s = time.monotonic() - began
    return _Loaded(running, command, load_s, ended)
