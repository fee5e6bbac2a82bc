"""What the whole machine uses and counts, second by second.

CPU of the machine is its wall time less idle, waiting for disks and stolen time: those the kernel measures, while the
busy columns of /proc/stat are sampled at clock ticks. Two processes that pass 100 bytes to and fro over loopback used
0.82 s of CPU a second by their own clocks; the sampled columns give 0.55 s, this gives 0.88 s (2-core virtual machine).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from loopbench.measure.kernel_files import PAGE_BYTES, TICK_S, KernelFiles, NotObservableError
from loopbench.measure.processors import is_virtual
from loopbench.measure.throttling import ControlGroups, Throttled
from loopbench.records.sensors import MachineUse

T = TypeVar("T")

STEAL_UNREPORTED: Final = "0 since this virtual machine started: its host does not report it, or there was none"


class Attributed(NamedTuple):
    """CPU of one interval whose spender is known already: target, generator, services."""

    cpu_s: float
    services_cpu_s: float | None  # of it
    pids: frozenset[int]


class Processors(NamedTuple):
    """The first lines of /proc/stat: how many there are, and where their time went since boot."""

    number: int
    unused_s: float  # idle, waiting for disks, or stolen
    steal_s: float


class Network(NamedTuple):
    """Since this network namespace was made."""

    listen_overflows: int
    listen_drops: int
    retransmits: int


class Dirty(NamedTuple):
    """Pages the disk does not have yet, now."""

    bytes: int
    background_threshold_bytes: int


@dataclass(frozen=True)
class _Reading:
    """Everything at one moment; None: not observable."""

    processors: Processors | None
    processes_s: Mapping[int, float]
    pressure_s: float | None
    dirty: Dirty | None
    throttled: Throttled | None
    network: Network | None


class MachineMeter:
    """Each `read` returns what was used since the last. Unreadable values are None, with a reason in `unobservable`."""

    def __init__(self, files: KernelFiles) -> None:
        self._files = files
        self._own_pid = os.getpid()
        self._virtual = is_virtual(files)
        self.unobservable: dict[str, str] = {}
        self._groups = self._ask(lambda: ControlGroups.of_this_process(files), "throttled_periods", "throttled_s")
        self._before = self._take(files.pids())

    def read(self, wall_s: float, attributed: Attributed, alive: frozenset[int]) -> MachineUse:
        """Returns what was used since the last `read` (or the start), `wall_s` ago; `alive` are all processes."""
        before, now = self._before, self._take(alive)
        self._before = now
        total_s, busy_s, steal_s = _processors_since(before.processors, now.processors, wall_s)
        harness_s, foreign_s = self._by_others(before.processes_s, now.processes_s, attributed.pids)
        known_s = attributed.cpu_s + foreign_s + harness_s
        pressure_s = _since(before.pressure_s, now.pressure_s)
        periods, throttled_s = _throttled_since(before.throttled, now.throttled)
        overflows, drops, retransmits = _network_since(before.network, now.network)
        return MachineUse(
            cpu_total_s=total_s,
            cpu_busy_s=busy_s,
            foreign_cpu_s=foreign_s,
            unattributed_cpu_s=None if busy_s is None else max(0.0, busy_s - known_s),  # clock ticks may leave less
            harness_cpu_s=harness_s,
            steal_s=self._steal_if_reported(now.processors, steal_s),
            psi_cpu_some_share=None if pressure_s is None else min(1.0, pressure_s / wall_s),
            dirty_bytes=now.dirty and now.dirty.bytes,
            dirty_background_threshold_bytes=now.dirty and now.dirty.background_threshold_bytes,
            throttled_periods=periods,
            throttled_s=throttled_s,
            listen_overflows=overflows,
            listen_drops=drops,
            retransmits=retransmits,
            services_cpu_s=attributed.services_cpu_s,
        )

    def _take(self, alive: frozenset[int]) -> _Reading:
        used = {pid: self._files.cpu_s(pid) for pid in alive}
        return _Reading(
            processors=self._ask(self._processors, "cpu_total_s", "cpu_busy_s", "unattributed_cpu_s", "steal_s"),
            processes_s={pid: cpu_s for pid, cpu_s in used.items() if cpu_s is not None},
            pressure_s=self._ask(self._pressure_s, "psi_cpu_some_share"),
            dirty=self._ask(self._dirty, "dirty_bytes", "dirty_background_threshold_bytes"),
            throttled=self._ask(self._groups.throttled, "throttled_periods", "throttled_s") if self._groups else None,
            network=self._ask(self._network, "listen_overflows", "listen_drops", "retransmits"),
        )

    def _ask(self, source: Callable[[], T], *columns: str) -> T | None:
        try:
            return source()
        except NotObservableError as problem:
            self.unobservable |= dict.fromkeys(columns, str(problem))
            return None

    def _processors(self) -> Processors:
        lines = [line.split() for line in self._files.read("proc/stat").splitlines() if line.startswith(b"cpu")]
        if not lines or len(lines[0]) < 9:
            raise NotObservableError("/proc/stat has no cpu line with idle and steal")
        _, _, _, _, idle, iowait, _, _, steal, *_ = lines[0]
        return Processors(len(lines) - 1, (int(idle) + int(iowait) + int(steal)) * TICK_S, int(steal) * TICK_S)

    def _pressure_s(self) -> float:
        some = self._files.text("proc/pressure/cpu").splitlines()[0]
        return int(some.rpartition("total=")[2]) / 1e6

    def _dirty(self) -> Dirty:
        pages, threshold = (
            self._files.value("proc/vmstat", name) for name in ("nr_dirty", "nr_dirty_background_threshold")
        )
        return Dirty(pages * PAGE_BYTES, threshold * PAGE_BYTES)

    def _network(self) -> Network:
        tcp_ext = self._files.table("proc/net/netstat", "TcpExt")
        tcp = self._files.table("proc/net/snmp", "Tcp")
        return Network(tcp_ext["ListenOverflows"], tcp_ext["ListenDrops"], tcp["RetransSegs"])

    def _by_others(
        self, before: Mapping[int, float], now: Mapping[int, float], ours: frozenset[int]
    ) -> tuple[float, float]:
        """Returns the CPU of the harness, and of all processes that are neither it nor in `ours`."""
        # A clock that went back belongs to a later process with the same number: all of it is new.
        used = {
            pid: cpu_s - before.get(pid, 0.0) if cpu_s >= before.get(pid, 0.0) else cpu_s for pid, cpu_s in now.items()
        }
        harness_s = used.pop(self._own_pid, 0.0)
        return harness_s, sum(cpu_s for pid, cpu_s in used.items() if pid not in ours)

    def _steal_if_reported(self, processors: Processors | None, steal_s: float | None) -> float | None:
        if processors is not None and processors.steal_s == 0 and self._virtual:
            self.unobservable["steal_s"] = STEAL_UNREPORTED
            return None
        return steal_s


def _processors_since(
    before: Processors | None, now: Processors | None, wall_s: float
) -> tuple[float | None, float | None, float | None]:
    """Processor-seconds there were, those that were used, and those that were stolen."""
    if before is None or now is None:
        return None, None, None
    total_s = wall_s * now.number
    unused_s = now.unused_s - before.unused_s
    return total_s, min(total_s, max(0.0, total_s - unused_s)), max(0.0, now.steal_s - before.steal_s)


def _since(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else now - before


def _throttled_since(before: Throttled | None, now: Throttled | None) -> tuple[int | None, float | None]:
    if before is None or now is None:
        return None, None
    return now.periods - before.periods, now.time_s - before.time_s


def _network_since(before: Network | None, now: Network | None) -> tuple[int | None, int | None, int | None]:
    if before is None or now is None:
        return None, None, None
    return (
        now.listen_overflows - before.listen_overflows,
        now.listen_drops - before.listen_drops,
        now.retransmits - before.retransmits,
    )
