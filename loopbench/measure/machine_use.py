"""What the whole machine uses and counts, second by second.

CPU of the machine is its wall time less idle, waiting for disks and stolen time: those the kernel measures, while the
busy columns of /proc/stat are sampled at clock ticks. Two processes that pass 100 bytes to and fro over loopback used
0.82 s of CPU a second by their own clocks; the sampled columns give 0.55 s, this gives 0.88 s (2-core virtual machine).
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from loopbench.measure.kernel_files import PAGE_BYTES, TICK_S, KernelFiles, NotObservableError
from loopbench.measure.machine import is_virtual
from loopbench.measure.throttling import ControlGroups
from loopbench.records.sensors import MachineUse

STEAL_UNREPORTED: Final = "0 since this virtual machine started: its host does not report it, or there was none"

PROCESSORS: Final = ("cpu_total_s", "cpu_busy_s", "unattributed_cpu_s", "steal_s")
THROTTLED: Final = ("throttled_periods", "throttled_s")
NETWORK: Final = ("listen_overflows", "listen_drops", "retransmits")
DIRTY: Final = ("dirty_bytes", "dirty_background_threshold_bytes")

Counters = Mapping[str, float]
"""Figures at one moment by name, most of them counted since boot; one that cannot be observed is absent."""


class Attributed(NamedTuple):
    """CPU of one interval whose spender is known already: target, generator, services."""

    cpu_s: float
    services_cpu_s: float | None  # of it
    pids: frozenset[int]


class MachineMeter:
    """Each `read` returns what was used since the last. Unreadable values are None, with a reason in `unobservable`."""

    def __init__(self, files: KernelFiles) -> None:
        self._files = files
        self._own_pid = os.getpid()
        self._virtual = is_virtual(files)
        self._groups: ControlGroups | None = None
        self.unobservable: dict[str, str] = {}
        self._counted, self._processes_s = self._count(), files.cpu_by_pid(files.pids())

    def read(self, wall_s: float, attributed: Attributed, alive: frozenset[int]) -> MachineUse:
        """Returns what was used since the last `read` (or the start), `wall_s` ago; `alive` are all processes."""
        before, self._counted = self._counted, self._count()
        now = self._counted
        grown: dict[str, Any] = {name: now[name] - before[name] for name in now.keys() & before.keys()}
        levels: dict[str, Any] = {name: now.get(name) for name in DIRTY}
        total_s = wall_s * now["processors"] if "processors" in grown else None
        busy_s = None if total_s is None else min(total_s, max(0.0, total_s - grown["unused_s"]))
        harness_s, foreign_s = self._by_others(attributed.pids, alive)
        known_s = attributed.cpu_s + foreign_s + harness_s
        return MachineUse(
            cpu_total_s=total_s,
            cpu_busy_s=busy_s,
            foreign_cpu_s=foreign_s,
            unattributed_cpu_s=None if busy_s is None else max(0.0, busy_s - known_s),  # clock ticks may leave less
            harness_cpu_s=harness_s,
            steal_s=self._steal_s(grown),
            psi_cpu_some_share=min(1.0, grown["pressure_s"] / wall_s) if "pressure_s" in grown else None,
            services_cpu_s=attributed.services_cpu_s,
            **{name: grown.get(name) for name in (*THROTTLED, *NETWORK)},
            **levels,
        )

    def _count(self) -> Counters:
        return {
            **self._ask(self._processors, PROCESSORS),
            **self._ask(self._pressure_s, ("psi_cpu_some_share",)),
            **self._ask(self._dirty, DIRTY),
            **self._ask(self._throttled, THROTTLED),
            **self._ask(self._network, NETWORK),
        }

    def _ask(self, source: Callable[[], Counters], columns: tuple[str, ...]) -> Counters:
        try:
            return source()
        except NotObservableError as problem:
            self.unobservable |= dict.fromkeys(columns, str(problem))
            return {}

    def _processors(self) -> Counters:
        """How many there are, and their time since boot that was idle, waiting for disks or stolen."""
        lines = [line.split() for line in self._files.read("proc/stat").splitlines() if line.startswith(b"cpu")]
        if not lines or len(lines[0]) < 9:
            raise NotObservableError("/proc/stat has no cpu line with idle and steal")
        _, _, _, _, idle, iowait, _, _, steal, *_ = lines[0]
        unused_s = (int(idle) + int(iowait) + int(steal)) * TICK_S
        return {"processors": len(lines) - 1, "unused_s": unused_s, "steal_s": int(steal) * TICK_S}

    def _pressure_s(self) -> Counters:
        some = self._files.text("proc/pressure/cpu").splitlines()[0]
        return {"pressure_s": int(some.rpartition("total=")[2]) / 1e6}

    def _dirty(self) -> Counters:
        """Pages the disk does not have yet, now."""
        pages = [self._files.value("proc/vmstat", name) for name in ("nr_dirty", "nr_dirty_background_threshold")]
        return {name: count * PAGE_BYTES for name, count in zip(DIRTY, pages, strict=True)}

    def _throttled(self) -> Counters:
        self._groups = self._groups or ControlGroups.of_this_process(self._files)
        return dict(zip(THROTTLED, self._groups.throttled(), strict=True))

    def _network(self) -> Counters:
        """Since this network namespace was made."""
        tcp_ext = self._files.table("proc/net/netstat", "TcpExt")
        tcp = self._files.table("proc/net/snmp", "Tcp")
        values = tcp_ext["ListenOverflows"], tcp_ext["ListenDrops"], tcp["RetransSegs"]
        return dict(zip(NETWORK, values, strict=True))

    def _by_others(self, ours: frozenset[int], alive: frozenset[int]) -> tuple[float, float]:
        """Returns the CPU of the harness, and of all processes that are neither it nor in `ours`."""
        before, self._processes_s = self._processes_s, self._files.cpu_by_pid(alive)
        # A clock that went back belongs to a later process with the same number: all of it is new.
        used = {
            pid: cpu_s - before.get(pid, 0.0) if cpu_s >= before.get(pid, 0.0) else cpu_s
            for pid, cpu_s in self._processes_s.items()
        }
        harness_s = used.pop(self._own_pid, 0.0)
        return harness_s, sum(cpu_s for pid, cpu_s in used.items() if pid not in ours)

    def _steal_s(self, grown: Counters) -> float | None:
        """Stolen time; None also where a virtual machine's host has never reported any."""
        if self._virtual and self._counted.get("steal_s") == 0:
            self.unobservable["steal_s"] = STEAL_UNREPORTED
            return None
        return max(0.0, grown["steal_s"]) if "steal_s" in grown else None
