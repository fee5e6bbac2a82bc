"""A session folder: its files, and the contents of `session.json` and `run.json`.

    results/<scenario>/<time>/session.json
                              runs/<number>-<kind>-<variant>/run.json, samples-0.bin, locust_stats.csv, ...

A run's folder is complete or absent. It is written under a name that starts with a dot, with `run.json` last, and then
renamed. Failed attempts, and INVALID runs that were repeated, keep such a name and are not evaluated.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, TypeVar

from pydantic import Field

from loopbench.errors import DataError
from loopbench.records import FORMAT_VERSION
from loopbench.records.codec import from_json
from loopbench.records.files import check_folder, open_file, read_optional
from loopbench.scenario.model import Scenario, scenario_name

T = TypeVar("T")

SESSION_FILE: Final = "session.json"
RUN_FILE: Final = "run.json"
RUNS_FOLDER: Final = "runs"
CHARTS_FOLDER: Final = "charts"
REPORT_FILE: Final = "report.html"
SUMMARY_STEM: Final = "summary"
LOAD_FILE: Final = "load.json"
TARGET_LOG: Final = "target.log"
LOCUST_LOG: Final = "locust.log"
LOCUST_CSV_PREFIX: Final = "locust"
SAMPLES_GLOB: Final = "samples-*.bin"
ATTEMPTS_GLOB: Final = ".*.attempt-*"

MAX_RUN_S: Final = 7 * 86_400.0
"""No run lasts longer. Figures of each second are made of a run, so its length is checked before."""

MAX_PHASES: Final = 20_000
"""Two for each slice of an hour's window: no run has more. Figures of each phase are made of a run."""

PIECE_BYTES: Final = 1024 * 1024

KIND_RAMP: Final = "ramp"
KIND_PLATEAU: Final = "plateau"
KIND_STEPS: Final = "steps"
KIND_TIMELINE: Final = "timeline"
STOPPED: Final = "stopped"  # `RunRecord.target_exit` of a target that ended when it was asked to
HUNG: Final = "did not end when asked to"
"""The same of a target that had to be killed with requests waiting. Every other value says how it died."""
EMBEDDED: Final = "embedded"
OWN: Final = "own"
IN_PROCESS: Final = "in process"
OUTSIDE_ROUNDS: Final = 0  # the round number of runs outside rounds


def samples_file(generator: int) -> str:
    """Return the name of a generator process's samples file."""
    return f"samples-{generator}.bin"


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan."""

    number: int
    kind: Annotated[str, Field(pattern="^[a-z]+$")]
    round: int  # OUTSIDE_ROUNDS if it belongs to no round
    variant: Annotated[str, Field(pattern="^[a-z0-9-]+$")]  # slug; the timeline's slug for a timeline run
    seed: int
    expected_s: float

    @property
    def folder(self) -> str:
        """Name of the run's folder."""
        return f"{self.number:04d}-{self.kind}-{self.variant}"


@dataclass(frozen=True)
class SessionRecord:
    """`session.json`: written before the first run and never changed."""

    format: int
    loopbench: str
    started: str  # ISO 8601, UTC
    command: tuple[str, ...]
    file: str  # the scenario's
    quick: bool
    explain: bool  # the probe's level, the same for every variant
    scenario: Scenario  # as it was resolved, defaults included and secrets hidden
    seed: int
    plan: tuple[PlannedRun, ...]
    machine: dict[str, Any]
    packages: dict[str, str]
    provenance: dict[str, dict[str, dict[str, Any]]]  # git state, Pythons with packages, uvicorn's settings
    environment_ignored: tuple[str, ...]  # names of ignored variables that would have changed target or generator

    @property
    def name(self) -> str:
        """The scenario's name."""
        return scenario_name(Path(self.file))


def moment(iso: str) -> datetime | None:
    """Return a recorded time in UTC; None if it is none."""
    try:
        return datetime.fromisoformat(iso).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: UTC has no such year
        return None


@dataclass(frozen=True)
class Phase:
    """One phase of a run, in seconds after the generator's origin."""

    name: str
    start_s: float
    end_s: float

    @property
    def width_s(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Counts:
    """Three counts of the same requests. None: that source could not be read.

    Every request sent was answered, went without an answer (given up after its timeout, refused or cut off by the
    server), hung up on purpose, or was cut at the end of the drain. Samples and Locust count the first two. The server
    counts what it answered, and may have answered some of the others before it noticed that the client had left.
    """

    server: int | None  # by the target itself, without the harness's own requests
    samples: int | None  # by our recorder
    locust: int | None  # by Locust's own statistics
    unfinished: int  # cut: sent, but without an answer at the end of the drain
    server_says: bool = True  # False: its count cannot be read (it runs elsewhere), or it died before it wrote it
    locust_says: bool = True  # False: a timeline, whose requests the harness sends itself
    unanswered: int = 0  # among the samples: without an answer
    hung_up: int = 0  # disconnected as the scenario orders
    redirects: int = 0  # followed by the users of a locustfile: for the server, each is a request of its own

    @property
    def sent(self) -> int | None:
        """Every request of the run."""
        return None if self.samples is None else self.samples + self.hung_up + self.unfinished

    @property
    def unexplained(self) -> int | None:
        """Requests in one count that no other can have missed; a count that is not known explains itself."""
        if self.samples is None or self.sent is None:
            return None
        server = self.samples + self.redirects if self.server is None else self.server
        locust = self.samples if self.locust is None else self.locust
        answered = self.samples - self.unanswered
        counted = server - self.redirects
        return max(abs(locust - self.samples), answered - counted, counted - self.sent, 0)

    @property
    def agree(self) -> bool:
        """Whether every request is accounted for; a source that cannot be read is left out."""
        read = (self.server is not None or not self.server_says) and (self.locust is not None or not self.locust_says)
        return read and self.unexplained == 0


@dataclass(frozen=True)
class ServiceFact:
    """A service of the target that was found or started. It holds no URL, because a URL may contain a password."""

    name: str
    version: str  # as reported by the service; "not reported" if it does not
    origin: str  # EMBEDDED: started for this session; OWN: the user's own; IN_PROCESS: a library in the target
    address: str  # host:port, without user, password and path; empty for IN_PROCESS


@dataclass(frozen=True)
class FileFact:
    """Size and checksum of a file at the end of its run."""

    name: str
    size_bytes: int
    crc32: int


@dataclass(frozen=True)
class RunRecord:
    """`run.json`. It is written last; a folder without it is not a run."""

    format: int
    number: int
    kind: str
    round: int
    variant: str  # slug
    attempt: int
    nonce: str
    started: str  # ISO 8601, UTC
    wall_s: float  # from first to last step, including the target's start and stop
    load_s: float  # the part in which the generator ran its phases
    port: int
    target_command: tuple[str, ...]
    load_command: tuple[str, ...]
    target_pids: tuple[int, ...]
    target_cpus: tuple[int, ...]  # empty: not pinned
    generator_cpus: tuple[int, ...]
    target_exit: str  # `STOPPED`, or what happened instead, as a verb
    generator_exit: str
    phases: tuple[Phase, ...]
    users_started: int
    counts: Counts
    canary_before_s: (
        float | None
    )  # duration of fixed work on the run's cores, just before the target's start; None: not run
    canary_after_s: float | None
    services: tuple[ServiceFact, ...]
    receipt: dict[str, int | float | bool | str] | None  # the target's receipt after the drain, if requested
    files: tuple[FileFact, ...]

    @property
    def outside_load_s(self) -> float:
        """Start, verification and end of the run, and the canary: everything outside the phases of its load."""
        return self.wall_s - (self.phases[-1].end_s - self.phases[0].start_s if self.phases else self.load_s)


def read_session(folder: Path) -> SessionRecord:
    """Return the content of `session.json`. Every command that opens a session begins here.

    Raises:
        DataError: there is no session, it is damaged, it has another format version, or its folder holds what no
            session holds (`check_folder`).
    """
    check_folder(folder)
    return _read(SessionRecord, folder / SESSION_FILE, slug="session-format")


def read_run(folder: Path) -> RunRecord:
    """Return the content of `run.json`.

    Raises:
        DataError: as for `read_session`, or there are too many phases, or one lies outside of any run.
    """
    record = _read(RunRecord, folder / RUN_FILE, slug="run-format")
    if len(record.phases) > MAX_PHASES:
        raise DataError(f"it has {len(record.phases):,} phases", slug="run-format", where=str(folder))
    for phase in record.phases:
        if not -MAX_RUN_S <= phase.start_s <= phase.end_s <= MAX_RUN_S:
            raise DataError(
                f"phase {phase.name[:40]!r} lasts from {phase.start_s:g} to {phase.end_s:g} s",
                slug="run-format",
                where=str(folder),
                allowed=f"at most {MAX_RUN_S:g} s",
            )
    return record


def session_folders(parent: Path) -> Iterator[Path]:
    """Yield the sessions in a folder, by name. One that is a link is left out: it leads elsewhere."""
    yield from (folder for folder in _with_a_record(parent) if not folder.is_symlink())


def linked_sessions(parent: Path) -> Iterator[Path]:
    """Yield the links in a folder that lead to sessions."""
    yield from (folder for folder in _with_a_record(parent) if folder.is_symlink())


def _with_a_record(parent: Path) -> list[Path]:
    return sorted(file.parent for file in parent.glob(f"*/{SESSION_FILE}"))


def run_folders(session_folder: Path) -> Iterator[Path]:
    """Return the folders of the session's evaluated runs, in order."""
    runs = session_folder / RUNS_FOLDER
    if runs.is_dir():
        yield from sorted(path for path in runs.iterdir() if not path.name.startswith(".") and path.is_dir())


def rejected_folders(session_folder: Path) -> tuple[Path, ...]:
    """Return the folders of complete runs that were INVALID and were repeated."""
    attempts = sorted((session_folder / RUNS_FOLDER).glob(ATTEMPTS_GLOB))
    return tuple(path for path in attempts if (path / RUN_FILE).is_file())


def rejected_runs(session_folder: Path) -> tuple[str, ...]:
    """Return the names of complete runs that were INVALID and were repeated, once per attempt."""
    return tuple(path.name[1:].rpartition(".attempt-")[0] for path in rejected_folders(session_folder))


def file_facts(folder: Path) -> tuple[FileFact, ...]:
    """Return size and checksum of every file in a run's folder except `run.json`."""
    facts = []
    for path in sorted(each for each in folder.iterdir() if each.is_file() and each.name != RUN_FILE):
        with open_file(path) as file:
            facts.append(file_fact(path.name, file))
    return tuple(facts)


def file_fact(name: str, file: BinaryIO) -> FileFact:
    """Return size and checksum of an open file, which is read piece by piece from here to its end."""
    size_bytes = checksum = 0
    while piece := file.read(PIECE_BYTES):
        size_bytes, checksum = size_bytes + len(piece), zlib.crc32(piece, checksum)
    return FileFact(name, size_bytes, checksum)


def _read(kind: type[T], path: Path, *, slug: str) -> T:
    try:
        return _read_versioned(kind, path)
    except DataError as problem:
        raise DataError(problem.what, slug=slug, where=str(path.parent), hints=("loopbench list",)) from None


def _read_versioned(kind: type[T], path: Path) -> T:
    text = read_optional(path)
    if text is None:
        raise DataError(f"there is no {path.name} in {path.parent}: no loopbench folder, or an unfinished one")
    _check_version(text, path)
    return from_json(kind, text, str(path))


def _check_version(text: bytes, path: Path) -> None:
    version = from_json(_Versioned, text, str(path)).format
    if version > FORMAT_VERSION:
        raise DataError(f"{path} has format {version}; this loopbench reads {FORMAT_VERSION}: update loopbench")
    if version < FORMAT_VERSION:
        raise DataError(
            f"{path} has the older format {version}; this loopbench reads {FORMAT_VERSION}: "
            "report it with the loopbench that wrote it, or measure again"
        )


@dataclass(frozen=True)
class _Versioned:
    format: int
