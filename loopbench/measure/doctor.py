"""Examines the machine for a minute, without a target: how steady it is, what else runs on it, and its limits."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from loopbench.measure import canary, machine
from loopbench.measure.kernel_files import KernelFiles, NotObservableError
from loopbench.measure.machine_use import Attributed, MachineMeter
from loopbench.measure.open_files import allow_open_files
from loopbench.measure.supervise import MARK_VARIABLE
from loopbench.measure.throttling import ControlGroups
from loopbench.records import FORMAT_VERSION
from loopbench.records.examination import (
    BusyProcess,
    CanaryBeat,
    Disk,
    Examination,
    Leftover,
    Limits,
    MachineSecond,
)

BETWEEN_BEATS_S: Final = 1.0
MAX_PROCESSES: Final = 5
FSYNCS: Final = 20
SMALL_BYTES: Final = 4096
LARGE_BYTES: Final = 32_000_000
SPARE_BYTES: Final = 10 * LARGE_BYTES
NOTHING_KNOWN: Final = Attributed(0.0, None, frozenset())


def examine(
    seconds: float,
    results: Path,
    tick: Callable[[float], None] = lambda _: None,
    files: KernelFiles = KernelFiles(),  # noqa: B008  immutable
) -> Examination:
    """Examine the machine for about `seconds`. The caller holds the lock (`lock.one_at_a_time`).

    Args:
        seconds: how long; at least one beat is taken.
        results: where sessions would be written; it, or the nearest folder above that exists, is tried.
        tick: called after each beat with the seconds elapsed.
        files: where the kernel's files are.
    """
    began_s = time.monotonic()
    used_before = files.cpu_by_pid(files.pids())
    meter, cores = MachineMeter(files), machine.available_cores()
    beats: list[CanaryBeat] = []
    quiet: list[MachineSecond] = []
    while not beats or time.monotonic() - began_s < seconds:
        beats.append(_beat(time.monotonic() - began_s, cores))
        quiet.append(_quiet_second(meter, files))
        tick(time.monotonic() - began_s)
    wall_s = time.monotonic() - began_s
    unobservable = dict(meter.unobservable)
    return Examination(
        format=FORMAT_VERSION,
        wall_s=wall_s,
        machine=machine.facts(files),
        cores=cores,
        beats=tuple(beats),
        seconds=tuple(quiet),
        busiest=_busiest(files, used_before, wall_s),
        disk=_disk(results, unobservable),
        limits=_limits(files, unobservable),
        leftovers=tuple(_leftovers(files)),
        unobservable=unobservable,
    )


def _beat(at_s: float, cores: tuple[int, ...]) -> CanaryBeat:
    beats = canary.measure_each(cores)
    return CanaryBeat(
        at_s, tuple(beat and beat.piece_s for beat in beats), tuple(beat and beat.waited_share for beat in beats)
    )


def _quiet_second(meter: MachineMeter, files: KernelFiles) -> MachineSecond:
    """Returns one second without the canary, whose CPU time would count as another process's."""
    meter.read(BETWEEN_BEATS_S, NOTHING_KNOWN, files.pids())
    began_s = time.monotonic()
    time.sleep(BETWEEN_BEATS_S)
    wall_s = time.monotonic() - began_s
    return MachineSecond(wall_s, meter.read(wall_s, NOTHING_KNOWN, files.pids()))


def _busiest(files: KernelFiles, before: dict[int, float], wall_s: float) -> tuple[BusyProcess, ...]:
    """Returns the processes that used the most CPU since then, without the harness."""
    grown = {
        pid: cpu_s - before.get(pid, 0.0) for pid, cpu_s in files.cpu_by_pid(files.pids()).items() if pid != os.getpid()
    }
    most = sorted(grown, key=grown.__getitem__, reverse=True)[:MAX_PROCESSES]
    return tuple(BusyProcess(pid, _name(files, pid), grown[pid] / wall_s) for pid in most if grown[pid] > 0)


def _name(files: KernelFiles, pid: int) -> str:
    try:
        return files.text(f"proc/{pid}/comm")
    except NotObservableError:
        return "ended"


def _disk(results: Path, unobservable: dict[str, str]) -> Disk:
    """Time small and large writes into a file without a name, which leaves nothing on the disk."""
    folder = next(path for path in [results.resolve(), *results.resolve().parents] if path.is_dir())
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            fsyncs_s = tuple(_timed_write(file, SMALL_BYTES) for _ in range(FSYNCS))
            if shutil.disk_usage(folder).free < SPARE_BYTES:
                unobservable["write_bytes_per_s"] = f"less than {SPARE_BYTES // 1_000_000} MB are free in {folder}"
                return Disk(str(folder), fsyncs_s, None)
            return Disk(str(folder), fsyncs_s, LARGE_BYTES / _timed_write(file, LARGE_BYTES))
    except OSError as problem:
        unobservable["fsync_s"] = f"{folder}: {problem.strerror}"
        return Disk(str(folder), (), None)


def _timed_write(file: Any, size_bytes: int) -> float:
    data = os.urandom(size_bytes)  # zeros may be compressed and never reach a disk
    began = time.perf_counter()
    file.write(data)
    os.fsync(file.fileno())
    return time.perf_counter() - began


def _limits(files: KernelFiles, unobservable: dict[str, str]) -> Limits:
    ports = cpu_cores = None
    try:
        low, high = map(int, files.text("proc/sys/net/ipv4/ip_local_port_range").split())
        ports = low, high
    except (NotObservableError, ValueError) as problem:
        unobservable["ports"] = str(problem)
    try:
        cpu_cores = ControlGroups.of_this_process(files).limit_cores()
    except NotObservableError as problem:
        unobservable["cpu_cores"] = str(problem)
    return Limits(allow_open_files(), ports, cpu_cores)


def _leftovers(files: KernelFiles) -> Iterator[Leftover]:
    """Yield processes with the mark of a supervised tree. Other users' environments are not readable."""
    mark = f"{MARK_VARIABLE}=".encode()
    for pid in files.pids():
        try:
            variables = files.read(f"proc/{pid}/environ").split(b"\0")
        except NotObservableError:
            continue
        if any(variable.startswith(mark) for variable in variables):
            yield Leftover(pid, _name(files, pid))
