"""A small kernel made of files: what the sensors would find, set by the test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loopbench.measure.kernel_files import PAGE_BYTES, TICK_S, KernelFiles

V1_MOUNTS = "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n"
V2_MOUNTS = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"


@dataclass(frozen=True)
class FakeKernel(KernelFiles):
    """Writes what `KernelFiles` reads; `clocks` are the processes' CPU clocks, seconds by process."""

    clocks: dict[int, float] = field(default_factory=dict)

    def cpu_s(self, pid: int) -> float | None:
        """As set."""
        return self.clocks.get(pid)

    def write(self, path: str, text: str) -> None:
        """One file, and the folders above it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def process(
        self,
        pid: int,
        cpu_s: float,
        *,
        threads: Mapping[int, tuple[float, float]] | None = None,
        children: Sequence[int] = (),
        switches: tuple[int, int] = (0, 0),
        rss_bytes: int = 0,
        reaped_s: float = 0.0,
    ) -> None:
        """One process; threads are (run, run-queue delay) in seconds by number, the main one alone if not given."""
        self.clocks[pid] = cpu_s
        for tid, (run_s, delay_s) in (threads or {pid: (cpu_s, 0.0)}).items():
            self.write(f"proc/{pid}/task/{tid}/schedstat", f"{run_s * 1e9:.0f} {delay_s * 1e9:.0f} 1\n")
            self.write(f"proc/{pid}/task/{tid}/children", " ".join(map(str, children)) if tid == pid else "")
        self.write(f"proc/{pid}/statm", f"1000 {rss_bytes // PAGE_BYTES} 1 1 0 1 0\n")
        before = " ".join("0" * 12)  # state to stime
        self.write(f"proc/{pid}/stat", f"{pid} (a (name) x) S {before} {round(reaped_s / TICK_S)} 0 20 0\n")
        lines = f"voluntary_ctxt_switches:\t{switches[0]}\nnonvoluntary_ctxt_switches:\t{switches[1]}\n"
        self.write(f"proc/{pid}/status", f"Name:\tx\n{lines}")

    def end(self, pid: int) -> None:
        """The process is gone."""
        self.clocks.pop(pid, None)
        for path in sorted((self.root / f"proc/{pid}").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (self.root / f"proc/{pid}").rmdir()

    def processors(self, *, idle_s: float, steal_s: float = 0.0, number: int = 2) -> None:
        """Time since boot of all processors together; the busy columns are nonsense on purpose."""
        columns = [7, 7, 7, round(idle_s / TICK_S), 0, 7, 7, round(steal_s / TICK_S), 0, 0]
        total = "cpu  " + " ".join(map(str, columns))
        each = [f"cpu{index} 0 0 0 0 0 0 0 0 0 0" for index in range(number)]
        self.write("proc/stat", "\n".join([total, *each, "intr 0 0 0", "btime 1"]) + "\n")

    def network(self, *, overflows: int = 0, drops: int = 0, retransmits: int = 0) -> None:
        """Counts since the network namespace was made."""
        tcp_ext = f"TcpExt: SyncookiesSent ListenOverflows ListenDrops TW\nTcpExt: 5 {overflows} {drops} 9\n"
        self.write("proc/net/netstat", f"{tcp_ext}IpExt: InNoRoutes\nIpExt: 0\n")
        self.write("proc/net/snmp", f"Ip: Forwarding\nIp: 1\nTcp: ActiveOpens RetransSegs\nTcp: 1 {retransmits}\n")

    def dirty(self, pages: int, threshold: int) -> None:
        """Pages the disk does not have yet."""
        self.write(
            "proc/vmstat", f"nr_dirty {pages}\nnr_dirty_threshold 9\nnr_dirty_background_threshold {threshold}\n"
        )

    def pressure(self, total_s: float) -> None:
        """Time some task waited for a processor."""
        some = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={total_s * 1e6:.0f}\n"
        self.write("proc/pressure/cpu", f"{some}full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")

    def throttled(self, periods: int, time_s: float) -> None:
        """A control group of version 1, at its root."""
        self.write("proc/self/cgroup", "1:cpu,cpuacct:/\n")
        self.write("proc/self/mounts", V1_MOUNTS)
        text = f"nr_periods 100\nnr_throttled {periods}\nthrottled_time {time_s * 1e9:.0f}\n"
        self.write("sys/fs/cgroup/cpu/cpu.stat", text)

    def virtual(self) -> None:
        """A processor behind a hypervisor."""
        self.write("proc/cpuinfo", "model name\t: Some CPU\nflags\t\t: fpu hypervisor lahf_lm\n")


def whole_kernel(root: Path) -> FakeKernel:
    """One in which everything can be observed and nothing has happened."""
    kernel = FakeKernel(root)
    kernel.processors(idle_s=100.0, steal_s=1.0)
    kernel.network()
    kernel.dirty(0, 1000)
    kernel.pressure(0.0)
    kernel.throttled(0, 0.0)
    return kernel
