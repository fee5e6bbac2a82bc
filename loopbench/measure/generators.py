"""Locust's processes on this machine: a single one, or a master and its workers, each under a minder of its own.

Locust's `--processes` would fork the workers. They are started here instead: each gets a core of its own, the end of
each is noticed at once, and the master takes a free port and reports it, so that no other process can take it first.
"""

import secrets
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Final

from loopbench.errors import GeneratorError
from loopbench.measure import environment
from loopbench.measure.supervise import Supervised, describe_exit, log_tail
from loopbench.records.generators import LOST_WORKER, WORKER_KEY_VARIABLE, Generators, read_generators, worker_log
from loopbench.records.load_spec import CAPTURED_VARIABLE
from loopbench.records.session import LOCUST_CSV_PREFIX, LOCUST_LOG
from loopbench.scenario.load_settings import Load

LOCUSTFILE = Path(__file__).resolve().parents[1] / "locustfiles" / "bench.py"
TURNS_LOCUSTFILE = LOCUSTFILE.with_name("turns.py")
LOOPBACK: Final = "127.0.0.1"
ANY_PORT: Final = 0
GRACE_S: Final = 2.0
NO_FILES: Final[Mapping[str, int]] = MappingProxyType({})

CONNECT_S: Final = 30  # how long workers on this machine may take to connect

REMOTE_CONNECT_S: Final = 120  # how long workers on other machines may take: their commands are typed by hand


class GeneratorProcesses(AbstractContextManager["GeneratorProcesses"]):
    """Locust's processes of one run. Leaving kills those that still run.

    Args:
        load: the scenario's.
        folder: the run's.
        spec_files: descriptors of the load that the first process reads, by variable; they have no name on the disk.
        captured_file: descriptor of another such file, to which all append the secrets that their users capture.
        cpus: cores of the generators, one each, reused in turn; empty: not pinned.
        locustfile: what the first process runs.
    """

    def __init__(  # noqa: PLR0913  what the processes are started with
        self,
        load: Load,
        folder: Path,
        spec_files: Mapping[str, int],
        captured_file: int,
        cpus: tuple[int, ...],
        locustfile: Path = LOCUSTFILE,
    ) -> None:
        self._load = load
        self._folder = folder
        self._cpus = cpus
        self._captured_file = captured_file
        self._worker_key = secrets.token_hex(16)
        self._workers: list[Supervised] = []
        self._stack = ExitStack()
        line = first_command(load, str(folder.resolve()), locustfile)
        self._main = self._start(line, LOCUST_LOG, cpus, spec_files)

    def __exit__(self, *_: object) -> None:
        self._main.stop(GRACE_S)  # when it has not ended by itself: what it has recorded is written
        self._stack.close()

    def ask_to_end(self) -> None:
        """End the load early. A master and its workers keep to their phases: one of them would pass for lost."""
        if not self._load.has_master:
            self._main.ask_to_end()

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
        return read_generators(self._folder) if self._load.has_master else None

    def tend(self) -> None:
        """Start the workers as soon as the master reports its port, and check that they are all running."""
        if not self._load.has_master or self._load.remote_workers:
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
        for number in range(self._load.generators):
            cpus = (self._cpus[number % len(self._cpus)],) if self._cpus else ()
            self._workers.append(self._start([*command(self._load.drain_s), *options], worker_log(number), cpus))

    def _too_early(self) -> bool:
        """Whether the master has neither counted nor given up: workers end only after that."""
        known = self.known
        return known is None or (known.locust_requests is None and not known.problem)

    def _lost(self, number: int, code: int) -> GeneratorError:
        return GeneratorError(
            f"worker {number + 1} of {self._load.generators} was lost in the middle of the run, which is INVALID "
            f"({describe_exit(code)})",
            slug=f"generator-{LOST_WORKER}",
            where=" ".join(self._workers[number].command[:3]),
            hints=(f"read {worker_log(number)} in the run's folder", "run the scenario again"),
            detail=log_tail(self._folder / worker_log(number)),
        )

    def _start(
        self, line: list[str], log: str, cpus: tuple[int, ...], spec_files: Mapping[str, int] = NO_FILES
    ) -> Supervised:
        key = {} if self._load.remote_workers else {WORKER_KEY_VARIABLE: self._worker_key}
        files = {CAPTURED_VARIABLE: self._captured_file, **spec_files}
        return self._stack.enter_context(
            Supervised(
                line,
                env=(environment.for_journeys if self._load.locustfile else environment.for_generator)(
                    key | {name: f"/proc/self/fd/{file}" for name, file in files.items()}
                ),
                cwd=self._folder,  # ours: a json.py or a [tool.locust] in the user's folder must not be found
                log=self._folder / log,
                cpus=cpus,
                pass_fds=tuple(files.values()),
            )
        )


def first_command(load: Load, folder: str, locustfile: Path = LOCUSTFILE) -> list[str]:
    """Returns the command line of the first process: the only one, or the master."""
    role = master_options(load) if load.has_master else []
    csv = csv_options(folder) if locustfile == LOCUSTFILE else []  # in turns, each target has its own statistics
    return [*command(load.drain_s, locustfile), *csv, *role]


def command(drain_s: float, locustfile: Path = LOCUSTFILE) -> list[str]:
    """Returns the options of every role; all that a variable or a file could set is given explicitly."""
    return [
        *(sys.executable, "-P", "-m", "locust"),  # -P: nothing is imported from the working directory
        *("--locustfile", str(locustfile), "--headless", "--only-summary", "--loglevel", "INFO"),
        # Its default of 0 drops requests in flight, which are the slowest ones.
        *("--stop-timeout", f"{drain_s:g}"),
        # Failed requests are counted and judged; they are no failure of Locust.
        *("--exit-code-on-error", "0"),
    ]


def csv_options(folder: str) -> list[str]:
    """Returns the options for Locust's own four files, from the only process or from the master."""
    return ["--csv", f"{folder}/{LOCUST_CSV_PREFIX}", "--csv-full-history"]


def connect_s(load: Load) -> int:
    """Returns how long the master waits for its workers."""
    return REMOTE_CONNECT_S if load.remote_workers else CONNECT_S


def master_options(load: Load) -> list[str]:
    """Returns the options of a master. By default, Locust's listens on every interface."""
    port = load.master_port if load.remote_workers else ANY_PORT  # only workers elsewhere need to know it
    return [
        *("--master", "--master-bind-host", load.master_bind or LOOPBACK, "--master-bind-port", str(port)),
        *("--expect-workers", str(load.processes), "--expect-workers-max-wait", str(connect_s(load))),
    ]


def worker_options(host: str, port: int) -> list[str]:
    """Returns the options of a worker of the master at this address."""
    return ["--worker", "--master-host", host, "--master-port", str(port)]
