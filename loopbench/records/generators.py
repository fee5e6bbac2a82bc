"""The workers of a run with several generator processes (`generators.json`), and the exit codes of such processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import read_json, to_json
from loopbench.records.files import write_file

GENERATORS_FILE: Final = "generators.json"

WORKER_KEY_VARIABLE: Final = "LOOPBENCH_WORKER_KEY"
"""Environment variable of a master and its workers on this machine: no process of another user knows its value."""

EXIT_EXCEPTIONS: Final = 3  # one of our user classes raised an exception

EXIT_GAVE_UP: Final = 4  # the master ended the run because of its workers; `Generators.problem` has the reason

EXIT_REFUSED: Final = 5
"""The master refused this worker, or the worker its order; the worker's log has the reason after REFUSED_PREFIX."""

EXIT_NO_ORDER: Final = 6  # the worker got no order, because the master was about to end

EXIT_JOURNEY: Final = 7
"""No user of a class of the scenario's locustfile could do each of its tasks once; the log has the reason."""

EXIT_LOCUSTFILE: Final = 8  # the scenario's locustfile does not load, or lacks a user class; the log has the reason

REFUSED_PREFIX: Final = "refused: "

LOST_WORKER: Final = "lost-worker"
WORKER_REFUSED: Final = "worker-refused"
WORKER_LATE: Final = "worker-late"  # short names of problems with the workers, for `Generators.problem_slug`


def worker_log(number: int) -> str:
    """Return the log's name of a worker on the master's machine."""
    return f"locust-worker-{number}.log"


@dataclass(frozen=True)
class GeneratorFacts:
    """The facts that one worker sent about itself."""

    index: int  # number of its samples file
    host: str
    pid: int
    clock: str  # see `clocks`


@dataclass(frozen=True)
class Generators:
    """What the master knows about its workers."""

    master_port: int
    workers: tuple[GeneratorFacts, ...] = ()
    locust_requests: int | None = None  # Locust's total over all workers, after the last report
    problem: str = ""  # why the master gave up, in a sentence
    problem_slug: str = ""


def write_generators(generators: Generators, folder: Path) -> None:
    """Write the file into the run's folder atomically: a reader sees the old file or the new one."""
    write_file(folder / GENERATORS_FILE, to_json(generators))


def read_generators(folder: Path) -> Generators | None:
    """Return what the master has written so far; None before it wrote, and for a run with a single process."""
    return read_json(Generators, folder / GENERATORS_FILE)
