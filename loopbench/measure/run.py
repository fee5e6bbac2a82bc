"""One run: a fresh target, verified, under one load, recorded and committed. The unit of replication."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loopbench.errors import LoopbenchError
from loopbench.measure import lines, store, target
from loopbench.measure.before import prepare
from loopbench.measure.canary import measure_canary
from loopbench.measure.counts import Recorded, read_recorded
from loopbench.measure.events import Notify, PhaseBegan, RunFinished, RunProgressed, RunStarted
from loopbench.measure.load import Load
from loopbench.measure.machine import Cores
from loopbench.measure.receipt import ReceiptValue, ask_receipt
from loopbench.measure.sensors import Sensors
from loopbench.measure.services import RunningServices
from loopbench.measure.stop import StopWish
from loopbench.measure.target import AnyTarget
from loopbench.measure.verify import verify
from loopbench.records import FORMAT_VERSION, probe
from loopbench.records.load_spec import LoadSpec, SliceTimes, load_spec
from loopbench.records.sensors import SENSORS_FILE
from loopbench.records.session import KIND_TIMELINE, PlannedRun, RunRecord, file_facts
from loopbench.records.tail import LiveView
from loopbench.scenario import Scenario, Target, Variant
from loopbench.scenario.data import NO_VALUES, Values
from loopbench.secrecy import hidden


@dataclass(frozen=True)
class RunContext:
    """What all runs of a session share."""

    scenario: Scenario
    folder: Path
    cores: Cores
    stop: StopWish
    notify: Notify
    explain: bool
    services: RunningServices
    values: Values = NO_VALUES
    checkouts: Mapping[str, str] = field(default_factory=dict)

    def served(self, run: PlannedRun) -> Target:
        """Returns the settings of the target of one run."""
        return served(self.scenario, run)

    def launch(self, folder: Path, variant: Variant | None = None) -> target.Launch:
        """Returns what starts the target of one run; without a variant, of a timeline, which is always explained."""
        served = self.scenario.target if variant is None else variant.served
        return target.Launch(
            self.scenario,
            served,
            folder,
            self.cores.used_by(served),
            self.stop,
            self.services.env,
            explain=self.explain or variant is None,
            moved=variant if any(each.is_moved for each in self.scenario.variants) else None,
        )

    def load_spec(  # noqa: PLR0913  what belongs to one run
        self,
        run: PlannedRun,
        folder: Path,
        running: AnyTarget,
        values: Values,
        *,
        min_window_s: float = 0.0,
        slices: SliceTimes | None = None,
    ) -> LoadSpec:
        """Returns the load of one run, for its target."""
        return load_spec(
            self.scenario,
            run,
            nonce=running.nonce,
            url=running.url,
            folder=folder,
            explain=self.explain,
            values=values,
            min_window_s=min_window_s,
            slices=slices,
        )


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


def served(scenario: Scenario, run: PlannedRun) -> Target:
    """Returns the settings of the target of one run."""
    return scenario.target if run.kind == KIND_TIMELINE else scenario.variant(run.variant).served


def measure_run(context: RunContext, run: PlannedRun, min_window_s: float = 0.0) -> MeasuredRun:
    """Measure one run of the plan. Its folder is complete afterwards, under the name of an attempt.

    Args:
        context: what the session's runs share.
        run: the one to measure.
        min_window_s: for the steady window with all users, if the scenario's is shorter.

    Raises:
        TargetError, GeneratorError: the target does not start or answers wrongly before the load, or the generator
            failed; the files stay in the attempt's folder and never count. A target that dies or hangs under load is a
            result.
    """
    began, started = time.monotonic(), store.now_iso()
    variant = context.scenario.variant(run.variant)
    with new_attempt(context, run, variant.name) as folder:
        canary_before_s = measure_canary(context.cores.both)
        loaded = _load(context, run, variant, folder, min_window_s)
    canaries = canary_before_s, measure_canary(context.cores.both)
    return finish_run(context, run, folder, loaded, started, began, canaries)


def finish_run(  # noqa: PLR0913  everything about a run meets here
    context: RunContext,
    run: PlannedRun,
    folder: Path,
    loaded: Loaded,
    started: str,
    began: float,
    canaries: tuple[float | None, float | None],
) -> MeasuredRun:
    """Complete the folder of a run whose processes have ended."""
    app_dir = context.scenario.variant(run.variant).served.app_dir
    lines.capture_lines(folder, context.scenario.file.parent / app_dir)
    lines.rename_folders(folder, context.checkouts)
    recorded = read_recorded(folder, loaded.target)
    record = make_record(context, run, folder, loaded, recorded, started, began, canaries)
    store.finish_run(folder, record)
    return MeasuredRun(folder, record)


@contextmanager
def new_attempt(context: RunContext, run: PlannedRun, name: str) -> Iterator[Path]:
    """Yield the folder of a new attempt; an error names it, and quotes no secret of an answer."""
    context.notify(RunStarted(run, name))
    folder = store.begin_run(context.folder, run.folder)
    try:
        yield folder
    except LoopbenchError as error:
        for part in ("what", "where", "allowed", "detail"):
            setattr(error, part, hidden(getattr(error, part)))
        error.kept = error.kept or f"what this run left is in {folder}"
        raise


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
        target_cpus=context.cores.used_by(context.served(run)),
        generator_cpus=context.cores.generator,
        target_exit=loaded.target.ending(recorded.counts.unfinished),
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


def _load(context: RunContext, run: PlannedRun, variant: Variant, folder: Path, min_window_s: float) -> Loaded:
    """Start the target, verify it, run the load, ask for the receipt, and stop both."""
    with (
        Load(context.scenario.load, folder, cpus=context.cores.generator) as load,
        target.started(context.launch(folder, variant)) as running,
    ):
        prepared = prepare(running, context.scenario, context.values, context.stop)
        spec = context.load_spec(run, folder, running, prepared.values, min_window_s=min_window_s)
        verify(running, map(prepared.filled, spec.requests), context.stop)
        began = time.monotonic()
        with closing(load), sensors(context, folder, running, load):
            load.begin(spec)
            ended = load.watch(watcher(context, run, lambda: _end_if_died(running, load)))
        load_s = time.monotonic() - began
        receipt = receipt_of(context, run, running)
    return Loaded(running, load.command, load_s, ended, receipt)


def receipt_of(context: RunContext, run: PlannedRun, running: AnyTarget) -> dict[str, ReceiptValue] | None:
    """Ask a target for its receipt; None if the variant has none or the target has died."""
    asked = context.scenario.variant(run.variant).receipt
    return ask_receipt(running, asked, context.stop) if asked and not running.has_died else None


def _end_if_died(running: AnyTarget, load: Load) -> None:
    """End the load of a target that has died: requests that nothing can answer show nothing more."""
    if running.has_died:
        load.end_early()


def sensors(
    context: RunContext, folder: Path, running: AnyTarget, load: Load, others: Sequence[AnyTarget] = ()
) -> Sensors:
    """Returns the sensors of one run; `others` are targets that are loaded in turns with it, and no foreign work."""
    return Sensors(
        folder / SENSORS_FILE,
        target_pids=lambda: running.pids,
        generator_pids=lambda: load.pids,
        serving_pids=lambda: probe.serving_pids(folder),
        service_pids=lambda: [
            *(process.pid for _, process, _ in context.services.processes),
            *(pid for other in others for pid in other.pids),
        ],
    )


def watcher(context: RunContext, run: PlannedRun, tend: Callable[[], object]) -> Callable[[LiveView], None]:
    """A function that checks every process and reports progress; called ten times a second, and calls `tend`."""
    phase = ""

    def check_and_report(view: LiveView) -> None:
        nonlocal phase
        context.stop.check()
        tend()
        context.services.check_alive()
        if view.phase != phase:
            phase = view.phase
            context.notify(PhaseBegan(run, phase, view.users))
        context.notify(RunProgressed(view))

    return check_and_report
