"""Who generated a run's load when it was more than one process: `generators.json`, and how such processes end.

The master writes the file anew whenever it knows more. A run of a single process has none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loopbench.records.codec import from_json, to_json

GENERATORS_FILE: Final = "generators.json"

EXIT_EXCEPTIONS: Final = 3
"""A user class of ours raised."""

EXIT_GAVE_UP: Final = 4
"""The master ended the run because of its workers; `Generators.problem` says why."""

EXIT_REFUSED: Final = 5
"""The master wants nothing from this worker; the sentence stands in its log behind REFUSED_PREFIX."""

EXIT_NO_ORDER: Final = 6
"""The worker met a master that was about to go."""

REFUSED_PREFIX: Final = "refused: "

LOST_WORKER: Final = "lost-worker"
WORKER_REFUSED: Final = "worker-refused"
WORKER_LATE: Final = "worker-late"
"""Short names of what can be wrong with the workers, for `Generators.problem_slug`."""


def worker_log(number: int) -> str:
    """Name of the log of a worker that was started beside its master."""
    return f"locust-worker-{number}.log"


@dataclass(frozen=True)
class GeneratorFacts:
    """One worker, as it introduced itself."""

    index: int  # of its samples file
    host: str
    pid: int
    clock: str  # see `clocks`


@dataclass(frozen=True)
class Generators:
    """Everything the master knows."""

    master_port: int
    workers: tuple[GeneratorFacts, ...] = ()
    locust_requests: int | None = None  # Locust's total over all workers, when the last report was there
    problem: str = ""  # why the master gave up, in a sentence
    problem_slug: str = ""


def write_generators(generators: Generators, folder: Path) -> None:
    """Put it into the run's folder in one step: a reader sees the old file or the new one."""
    beside = folder / f".{GENERATORS_FILE}"
    beside.write_text(to_json(generators), encoding="utf-8")
    beside.replace(folder / GENERATORS_FILE)


def read_generators(folder: Path) -> Generators | None:
    """What the master has written so far; None before its first word, and for a run of a single process.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / GENERATORS_FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    return from_json(Generators, text, str(path))
