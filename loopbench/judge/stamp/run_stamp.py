"""From a run's folder to its stamp: reads what the figures need, and leaves out nothing without saying why."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from loopbench.errors import DataError
from loopbench.judge.run.load_view import LoadView, load_view
from loopbench.judge.run.probe_log import read_probe_logs
from loopbench.judge.run.run_files import RunFiles
from loopbench.judge.stamp.canaries import Canaries, canaries_of
from loopbench.judge.stamp.generator_metrics import generator_metrics
from loopbench.judge.stamp.load_metrics import load_metrics
from loopbench.judge.stamp.machine_metrics import MachineView, machine_metrics
from loopbench.judge.stamp.metrics import NotObservable, RunMetrics
from loopbench.judge.stamp.stamp import Stamp, evaluate
from loopbench.judge.stamp.target_metrics import Reference, effective_settings, target_metrics
from loopbench.records.own_ceiling import OwnCeiling, read_own_ceiling
from loopbench.records.samples import PHASE_WARMUP
from loopbench.records.sensors import SENSORS_FILE, UNOBSERVABLE_FILE, SensorRow, read_sensors, read_unobservable
from loopbench.records.session import (
    KIND_TIMELINE,
    Phase,
    RecordedVariant,
    SessionRecord,
    kind_of,
    read_run,
    run_folders,
)


def stamp_run(files: RunFiles, session: SessionRecord, canaries: Canaries) -> Stamp:
    """The stamp of one run.

    Args:
        files: of the run; it may be an attempt that does not count yet.
        session: what it belongs to.
        canaries: of the session; for its first run there are none, and its own two are held against each other.

    Raises:
        DataError: a file of the run is damaged.
    """
    return evaluate(run_metrics(files, session, canaries))


def run_metrics(files: RunFiles, session: SessionRecord, canaries: Canaries) -> RunMetrics:
    """Every figure of one run that the rules ask for. Arguments and errors as for `stamp_run`."""
    record, folder = files.record, files.folder
    load = load_view(files)
    logs = read_probe_logs(folder)
    reference = _reference(folder, session.scenario.variants)
    return RunMetrics(
        **target_metrics(record, files.variant.target, logs, reference),
        **load_metrics(load),
        **generator_metrics(load, _ceiling(folder, session)),
        **machine_metrics(_machine_view(files, session, load, canaries)),
    )


def _ceiling(folder: Path, session: SessionRecord) -> OwnCeiling | NotObservable | None:
    if session.scenario.remote_workers:
        return NotObservable("the generators run on other machines, and our no-op server listens on loopback alone")
    return read_own_ceiling(folder.parents[1])


def _machine_view(files: RunFiles, session: SessionRecord, load: LoadView, canaries: Canaries) -> MachineView:
    canaries_s = (files.record.canary_before_s, files.record.canary_after_s)
    shown, loaded = load.shown, tuple(each for each in files.record.phases if each.name != PHASE_WARMUP)
    if session.scenario.remote_workers:  # their clocks are not the sensors': all that was seen counts
        shown = loaded = (Phase("all", -math.inf, math.inf),)
    head = files.samples.head
    return MachineView(
        rows=_sensor_rows(files.folder) if head else None,  # without it nobody knows which second was which
        unobservable=_unobservable(files.folder),
        origin_s=head.origin_monotonic_s if head else 0.0,
        shown=shown,
        loaded=loaded,
        canaries_s=canaries_s,
        canary_median_s=canaries.median_s or canaries_of(canaries_s).median_s,
        canary_scatter=canaries.scatter or 0.0,
    )


def _sensor_rows(folder: Path) -> tuple[SensorRow, ...] | None:
    path = folder / SENSORS_FILE
    return read_sensors(path) if path.is_file() else None


def _unobservable(folder: Path) -> dict[str, str]:
    path = folder / UNOBSERVABLE_FILE
    return read_unobservable(path) if path.is_file() else {}


def _reference(folder: Path, variants: Sequence[RecordedVariant]) -> Reference | None:
    """The session's first complete run under load; None when that is this one, there is none, or it cannot be read."""
    first = next((path for path in run_folders(folder.parents[1]) if kind_of(path) != KIND_TIMELINE), None)
    return None if first is None or first == folder else _settings_of(first, tuple(variants))


@lru_cache(maxsize=16)  # asked for by every run of a session; a complete run never changes
def _settings_of(folder: Path, variants: tuple[RecordedVariant, ...]) -> Reference | None:
    try:
        record = read_run(folder)
        settings = effective_settings(record, read_probe_logs(folder))
    except DataError:
        return None
    target = next((each.target for each in variants if each.slug == record.variant), None)
    return None if target is None else Reference(target, settings)
