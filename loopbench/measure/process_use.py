"""What one side of a measurement uses: the processes below a supervised one, second by second."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final, NamedTuple, TypeVar

from loopbench.measure.kernel_files import PAGE_BYTES, KernelFiles, NotObservableError
from loopbench.records.sensors import ProcessUse

NOTHING: Final = ProcessUse(None, None, None, None, None, None, None, None, None)
NOT_RUNNING: Final = "no process of this side was running on this machine then"
NO_LOOP: Final = "which process runs the loop was not known then"

T = TypeVar("T", int, float)
Pids = Callable[[], Sequence[int]]


class _Process(NamedTuple):
    """One process: totals since its start, or what it used between two readings."""

    cpu_s: float
    reaped_s: float  # of its ended children
    rss_bytes: int | None
    threads: int
    times_s: Mapping[int, tuple[float, float]]  # by thread: running; ready to run, without a processor
    switches: tuple[int, int] | None  # main thread: voluntary, involuntary

    def since(self, before: "_Process | None") -> "_Process":
        """Returns what was used since an earlier reading, or since the start if there is none."""
        if before is None or self.cpu_s < before.cpu_s:  # a counter that shrank belongs to a later namesake
            return self
        return self._replace(
            cpu_s=self.cpu_s - before.cpu_s,
            reaped_s=max(0.0, self.reaped_s - before.reaped_s),
            times_s={tid: _less(pair, before.times_s.get(tid)) for tid, pair in self.times_s.items()},
            switches=None if self.switches is None else _less(self.switches, before.switches),
        )


class ProcessMeter:
    """Each `read` returns what was used since the last one; the first, since this was made.

    Args:
        files: where to look.
        roots: the supervised processes; asked anew every time.
        loops: the processes whose main thread runs an event loop; None: every process of the tree may.
    """

    def __init__(self, files: KernelFiles, roots: Pids, loops: Pids | None = None) -> None:
        self._files = files
        self._roots = roots
        self._loops = loops
        self._tree_of: tuple[tuple[int, ...], frozenset[int]] = ((), frozenset())
        self._tree: tuple[int, ...] = ()
        self._problems: dict[str, str] = {}
        self.unobservable: dict[str, str] = {}
        self._before = self._take(files.pids())

    @property
    def pids(self) -> frozenset[int]:
        """The processes at the last `read`."""
        return frozenset(self._before)

    def read(self, alive: frozenset[int]) -> ProcessUse:
        """Returns what was used since the last `read`. New processes count from their start.

        An ended process is in `cpu_s` if one of the tree waited for it, as a worker does that forks for every job.

        Args:
            alive: every process there is; the tree is read again only if this set has changed.
        """
        before, now = self._before, self._take(alive)
        self._before = now
        spent = {pid: process.since(before.get(pid)) for pid, process in now.items()}
        loops = set(self._loops()) & set(spent) if self._loops else set(spent)
        ended_s = sum(process.cpu_s + process.reaped_s for pid, process in before.items() if pid not in now)
        use = _together(spent, loops, ended_s) if spent else NOTHING
        for column, value in asdict(use).items():
            if value is None:
                reason = self._problems.get(column, NO_LOOP) if spent else NOT_RUNNING
                self.unobservable.setdefault(column, reason)
        return use

    def _take(self, alive: frozenset[int]) -> dict[int, _Process]:
        roots = tuple(self._roots())
        if (roots, alive) != self._tree_of:
            self._tree_of = roots, alive
            self._tree = tuple(pid for root in roots for pid in self._files.tree(root))
        return {pid: process for pid in self._tree if (process := self._process(pid)) is not None}

    def _process(self, pid: int) -> _Process | None:
        cpu_s = self._files.cpu_s(pid)
        threads = [int(tid) for tid in self._files.names(f"proc/{pid}/task")]
        if cpu_s is None or not threads:
            return None
        return _Process(
            cpu_s=cpu_s,
            reaped_s=self._files.reaped_cpu_s(pid) or 0.0,
            rss_bytes=self._rss_bytes(pid),
            threads=len(threads),
            times_s={tid: pair for tid in threads if (pair := self._times(pid, tid)) is not None},
            switches=self._switches(pid),
        )

    def _times(self, pid: int, tid: int) -> tuple[float, float] | None:
        """Run time and run-queue delay of a thread since it started."""
        try:
            run_ns, delay_ns, _ = self._files.read(f"proc/{pid}/task/{tid}/schedstat").split()
        except (NotObservableError, ValueError) as problem:
            self._note(problem, "busiest_thread_cpu_s", "loop_cpu_s", "run_queue_delay_s")
            return None
        return int(run_ns) / 1e9, int(delay_ns) / 1e9

    def _rss_bytes(self, pid: int) -> int | None:
        try:
            return int(self._files.read(f"proc/{pid}/statm").split()[1]) * PAGE_BYTES
        except (NotObservableError, IndexError) as problem:
            self._note(problem, "rss_bytes")
            return None

    def _switches(self, pid: int) -> tuple[int, int] | None:
        path = f"proc/{pid}/status"
        try:
            voluntary, involuntary = (f"{kind}_ctxt_switches:" for kind in ("voluntary", "nonvoluntary"))
            return self._files.value(path, voluntary), self._files.value(path, involuntary)
        except NotObservableError as problem:
            self._note(problem, "voluntary_switches", "involuntary_switches")
            return None

    def _note(self, problem: Exception, *columns: str) -> None:
        self._problems |= dict.fromkeys(columns, str(problem))


def _together(spent: Mapping[int, _Process], loops: set[int], known_s: float) -> ProcessUse:
    """The sum over a tree; `known_s` is what its ended processes had used at the last look, which has been counted."""
    switches = [process.switches for pid, process in spent.items() if pid in loops and process.switches]
    main = [pair for pid in loops if (pair := spent[pid].times_s.get(pid))]  # the main thread has its process's number
    reaped_s = sum(process.reaped_s for process in spent.values())
    known_bytes = [process.rss_bytes for process in spent.values() if process.rss_bytes is not None]
    return ProcessUse(
        cpu_s=sum(process.cpu_s for process in spent.values()) + max(0.0, reaped_s - known_s),
        busiest_thread_cpu_s=max(
            (run_s for each in spent.values() for run_s, _ in each.times_s.values()), default=None
        ),
        loop_cpu_s=max((run_s for run_s, _ in main), default=None),
        run_queue_delay_s=max((delay_s for _, delay_s in main), default=None),
        voluntary_switches=max((pair[0] for pair in switches), default=None),
        involuntary_switches=max((pair[1] for pair in switches), default=None),
        rss_bytes=sum(known_bytes) if known_bytes else None,
        threads=sum(process.threads for process in spent.values()),
        processes=len(spent),
    )


def _less(now: tuple[T, T], before: tuple[T, T] | None) -> tuple[T, T]:
    return now if before is None else (now[0] - before[0], now[1] - before[1])
