"""Locust's processes on this machine: a single one, or a master and its workers, each under a minder of its own.

Locust's `--processes` would fork the workers. They are started here instead: each gets a core of its own, the end of
each is noticed at once, and the master takes a free port and reports it, so that no other process can take it first.
"""

import sys
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.errors import GeneratorError
from loopbench.measure import environment
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.records import load_order
from loopbench.records.generators import LOST_WORKER, Generators, read_generators, worker_log
from loopbench.records.session import LOCUST_CSV_PREFIX, LOCUST_LOG
from loopbench.scenario import Scenario

LOCUSTFILE = Path(__file__).resolve().parents[2] / "locustfiles" / "bench.py"
LOOPBACK: Final = "127.0.0.1"
ANY_PORT: Final = 0
GRACE_S: Final = 2.0

CONNECT_S: Final = 30
"""How long workers on this machine may take to connect."""

REMOTE_CONNECT_S: Final = 120
"""How long workers on other machines may take: their commands are typed by hand."""


@dataclass(frozen=True)
class GeneratorLayout:
    """How many processes share a load, and where they run."""

    here: int = 1  # on this machine
    elsewhere: int = 0  # `loopbench worker` on others; then none runs here
    master_bind: str = LOOPBACK  # address the master listens on
    master_port: int = ANY_PORT

    @property
    def total(self) -> int:
        """Processes that ask."""
        return self.elsewhere or self.here

    @property
    def has_master(self) -> bool:
        """Whether there is a master: a single process needs none."""
        return bool(self.elsewhere) or self.here > 1

    @property
    def connect_s(self) -> int:
        """How long the master waits for its workers."""
        return REMOTE_CONNECT_S if self.elsewhere else CONNECT_S


def layout_of(scenario: Scenario) -> GeneratorLayout:
    """Returns a scenario's layout. Its port is used only if workers on other machines need to know it."""
    load = scenario.load
    if not load.remote_workers:
        return GeneratorLayout(here=load.generators)
    return GeneratorLayout(
        elsewhere=load.remote_workers, master_bind=load.master_bind or LOOPBACK, master_port=load.master_port
    )


class GeneratorProcesses(AbstractContextManager["GeneratorProcesses"]):
    """Locust's processes of one run. Leaving kills those that still run.

    Args:
        folder: the run's.
        order_file: descriptor of the load that the first process reads; it has no name on the disk.
        drain_s: Locust's `--stop-timeout`.
        cpus: cores of the generators, one each, reused in turn; empty: not pinned.
        layout: how many and where.
    """

    def __init__(
        self, folder: Path, order_file: int, drain_s: float, cpus: tuple[int, ...], layout: GeneratorLayout
    ) -> None:
        self._folder = folder
        self._drain_s = drain_s
        self._cpus = cpus
        self._layout = layout
        self._workers: list[Supervised] = []
        self._stack = ExitStack()
        role = master_options(layout) if layout.has_master else []
        line = [*command(drain_s), *csv_options(folder), *role]
        self._main = self._start(line, LOCUST_LOG, cpus, order_file)

    def __exit__(self, *_: object) -> None:
        self._main.stop(GRACE_S)  # when it has not ended by itself: what it has recorded is written
        self._stack.close()

    @property
    def command(self) -> tuple[str, ...]:
        """Command line of the first process: the only one, or the master."""
        return self._main.command

    @property
    def pids(self) -> tuple[int, ...]:
        """The minders of all processes; Locust's own are their children."""
        return (self._main.pid, *(worker.pid for worker in self._workers))

    @property
    def exit_code(self) -> int | None:
        """The first process's exit code; None while it runs."""
        return self._main.exit_code

    @property
    def known(self) -> Generators | None:
        """What the master has reported so far; None without a master, and before its first report."""
        return read_generators(self._folder) if self._layout.has_master else None

    def tend(self) -> None:
        """Start the workers as soon as the master reports its port, and check that they are all running.

        Raises:
            GeneratorError: one of them has ended too early.
        """
        if not self._layout.has_master or self._layout.elsewhere:
            return
        if not self._workers:
            if known := self.known:
                self._start_workers(known.master_port)
            return
        for number, worker in enumerate(self._workers):
            code = worker.exit_code
            if code is not None and self._too_early():
                raise self._lost(number, code)

    def _start_workers(self, port: int) -> None:
        options = worker_options(LOOPBACK, port)
        for number in range(self._layout.here):
            cpus = (self._cpus[number % len(self._cpus)],) if self._cpus else ()
            self._workers.append(self._start([*command(self._drain_s), *options], worker_log(number), cpus))

    def _too_early(self) -> bool:
        """Whether the master has neither counted nor given up: workers end only after that."""
        known = self.known
        return known is None or (known.locust_requests is None and not known.problem)

    def _lost(self, number: int, code: int) -> GeneratorError:
        return GeneratorError(
            f"worker {number + 1} of {self._layout.here} was lost in the middle of the run, which is INVALID "
            f"({describe_exit(code)})",
            slug=f"generator-{LOST_WORKER}",
            where=" ".join(self._workers[number].command[:3]),
            hints=(f"read {worker_log(number)} in the run's folder", "run the scenario again"),
            detail=log_tail(self._folder / worker_log(number)),
        )

    def _start(self, line: list[str], log: str, cpus: tuple[int, ...], order_file: int | None = None) -> Supervised:
        order = {} if order_file is None else {load_order.PATH_VARIABLE: f"/proc/self/fd/{order_file}"}
        return self._stack.enter_context(
            Supervised(
                line,
                env=environment.for_generator(order),
                cwd=self._folder,  # ours: a json.py or a [tool.locust] in the user's folder must not be found
                log=self._folder / log,
                cpus=cpus,
                pass_fds=() if order_file is None else (order_file,),
            )
        )


def command(drain_s: float) -> list[str]:
    """Returns the options of every role; all that a variable or a file could set is given explicitly."""
    return [
        *(sys.executable, "-P", "-m", "locust"),  # -P: nothing is imported from the working directory
        *("--locustfile", str(LOCUSTFILE), "--headless", "--only-summary", "--loglevel", "INFO"),
        # Its default of 0 drops requests in flight, which are the slowest ones.
        *("--stop-timeout", f"{drain_s:g}"),
        # Failed requests are counted and judged; they are no failure of Locust.
        *("--exit-code-on-error", "0"),
    ]


def csv_options(folder: Path) -> list[str]:
    """Returns the options for Locust's own four files, from the only process or from the master."""
    return ["--csv", str((folder / LOCUST_CSV_PREFIX).resolve()), "--csv-full-history"]


def master_options(layout: GeneratorLayout) -> list[str]:
    """Returns the options of a master. By default, Locust's listens on every interface."""
    return [
        *("--master", "--master-bind-host", layout.master_bind, "--master-bind-port", str(layout.master_port)),
        *("--expect-workers", str(layout.total), "--expect-workers-max-wait", str(layout.connect_s)),
    ]


def worker_options(host: str, port: int) -> list[str]:
    """Returns the options of a worker of the master at this address."""
    return ["--worker", "--master-host", host, "--master-port", str(port)]
