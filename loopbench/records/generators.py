"""The workers of a run with several generator processes (`generators.json`), and the exit codes of such processes.

The master rewrites the file whenever it learns more. A run with a single process has no such file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import from_json, to_json

GENERATORS_FILE: Final = "generators.json"

EXIT_EXCEPTIONS: Final = 3
"""One of our user classes raised an exception."""

EXIT_GAVE_UP: Final = 4
"""The master ended the run because of its workers; `Generators.problem` has the reason."""

EXIT_REFUSED: Final = 5
"""The master refused this worker; the worker's log has the reason after REFUSED_PREFIX."""

EXIT_NO_ORDER: Final = 6
"""The worker got no order, because the master was about to end."""

REFUSED_PREFIX: Final = "refused: "

LOST_WORKER: Final = "lost-worker"
WORKER_REFUSED: Final = "worker-refused"
WORKER_LATE: Final = "worker-late"
"""Short names of problems with the workers, for `Generators.problem_slug`."""


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
    beside = folder / f".{GENERATORS_FILE}"
    beside.write_text(to_json(generators), encoding="utf-8")
    beside.replace(folder / GENERATORS_FILE)


def read_generators(folder: Path) -> Generators | None:
    """Return what the master has written so far; None before it wrote, and for a run with a single process.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / GENERATORS_FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    return from_json(Generators, text, str(path))
